"""How each client of `lrrc wrap` is told an address: which upstream its own settings mean, and what overrides them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGES = {"claude": "@anthropic-ai/claude-code", "codex": "@openai/codex", "opencode": "opencode-ai"}
ANTHROPIC = "https://api.anthropic.com/v1"
OPENAI = "https://api.openai.com/v1"
CHATGPT = "https://chatgpt.com/backend-api/codex"  # where Codex is signed in there
OURS = "lrrc"  # the name of a provider in a client's settings
Addresses = Mapping[str, str]  # of the proxies, by the names of `upstreams`, without a path


@dataclass(frozen=True)
class Client:
    """`upstreams` by name, as base addresses; `arguments` go before the user's own, `environment` is the whole."""

    upstreams: dict[str, str]
    arguments: Callable[[Addresses], list[str]]
    environment: Callable[[Addresses], dict[str, str]]


def claude(env: dict[str, str]) -> Client:
    """Claude Code. An address in its settings goes before that of the environment. Raises ValueError."""
    for name in ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"):
        if env.get(name):
            raise ValueError(f"{name} is set: claude then speaks to no address that could be another; unset it")
    folder = Path(env.get("CLAUDE_CONFIG_DIR") or Path(env.get("HOME", "~")).expanduser() / ".claude")
    own = _json(folder / "settings.json").get("env")
    told = own.get("ANTHROPIC_BASE_URL") if isinstance(own, dict) else None
    base = told or env.get("ANTHROPIC_BASE_URL")

    def arguments(at: Addresses) -> list[str]:
        return ["--settings", json.dumps({"env": {"ANTHROPIC_BASE_URL": at["anthropic"]}})] if told else []

    upstream = f"{base.rstrip('/')}/v1" if base else ANTHROPIC
    return Client({"anthropic": upstream}, arguments, lambda at: env | {"ANTHROPIC_BASE_URL": at["anthropic"]})


def codex(env: dict[str, str]) -> Client:
    """Codex, which asks the provider of its settings, or OpenAI's API, or ChatGPT where it is signed in there. By HTTP:
    prompts in WebSockets are not shortened. Raises ValueError."""
    home = Path(env.get("CODEX_HOME") or Path(env.get("HOME", "~")).expanduser() / ".codex")
    settings = _toml(home / "config.toml")
    name = settings.get("model_provider", "openai")
    provider = settings.get("model_providers", {}).get(name)
    if provider and provider.get("base_url"):
        upstream, more = provider["base_url"], {}
    elif name == "openai":
        signed_in = _json(home / "auth.json")
        own = settings.get("openai_base_url") or env.get("OPENAI_BASE_URL")
        upstream = own or (CHATGPT if signed_in.get("tokens") and not signed_in.get("OPENAI_API_KEY") else OPENAI)
        by_key = bool(env.get("OPENAI_API_KEY")) and not signed_in
        auth = {"env_key": "OPENAI_API_KEY"} if by_key else {"requires_openai_auth": True}
        name, more = OURS, {"name": "OpenAI", "wire_api": "responses", **auth}
    else:
        raise ValueError(f"{home / 'config.toml'}: model_provider = {name!r}: no base_url is set for it")

    def arguments(at: Addresses) -> list[str]:
        given = {**more, "base_url": f"{at['openai']}/v1", "supports_websockets": False}
        keys = [("model_provider", name), *((f"model_providers.{name}.{key}", value) for key, value in given.items())]
        return [part for key, value in keys for part in ("-c", f"{key}={json.dumps(value)}")]

    return Client({"openai": upstream}, arguments, lambda at: env)


def opencode(env: dict[str, str]) -> Client:
    """opencode, with models of Anthropic and of OpenAI; its other providers are asked directly."""

    def environment(at: Addresses) -> dict[str, str]:
        given = env.get("OPENCODE_CONFIG_CONTENT")
        config = json.loads(given) if given else {}
        for name, address in at.items():
            provider = config.setdefault("provider", {}).setdefault(name, {})
            provider.setdefault("options", {})["baseURL"] = f"{address}/v1"
        return env | {"OPENCODE_CONFIG_CONTENT": json.dumps(config)}

    return Client({"anthropic": ANTHROPIC, "openai": OPENAI}, lambda at: [], environment)


CLIENTS = {"claude": claude, "codex": codex, "opencode": opencode}


def _json(path: Path) -> dict[str, Any]:
    """Of a client's own file; nothing where there is none. Raises ValueError."""
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise ValueError(f"{path}: not JSON") from None
    return found if isinstance(found, dict) else {}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ValueError(f"{path}: not TOML: {error}") from None
