"""`lrrc wrap`: each client gets the address of a proxy, from whatever its own settings say, and nothing is left."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request

import pytest

from lrrc.commands.wrapped_clients import ANTHROPIC, CHATGPT, CLIENTS, OPENAI

AT = {"anthropic": "http://127.0.0.1:1", "openai": "http://127.0.0.1:1"}
SEEN = """#!{python}
import json, os, sys, time, urllib.request
address = os.environ["ANTHROPIC_BASE_URL"]
stats = json.load(urllib.request.urlopen(address + "/stats"))
print(json.dumps([sys.argv[1:], address, stats["upstreams"], os.environ.get("OPENBLAS_NUM_THREADS")]), flush=True)
if "wait" in sys.argv:
    time.sleep(60)
sys.exit(7)
"""


@pytest.fixture
def env(tmp_path):
    """A place with a client that says what it was told."""
    client = tmp_path / "bin/claude"
    client.parent.mkdir()
    client.write_text(SEEN.format(python=sys.executable))
    client.chmod(0o755)
    own = {key: value for key, value in os.environ.items() if not key.startswith(("ANTHROPIC", "CLAUDE", "OPEN"))}
    return own | {"HOME": str(tmp_path), "PATH": f"{client.parent}:{os.environ['PATH']}"}


def wrap(*arguments, env):
    command = [sys.executable, "-m", "lrrc.cli", "wrap", *arguments]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def gone(address):
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/stats", timeout=5):
        return False
    return True


def test_a_client_runs_behind_a_proxy_that_ends_with_it(env):
    done = wrap("claude", "--policy", "bm25", "--", "-p", "--", "mend it", env=env)
    out, err = done.communicate(timeout=120)
    told, address, upstreams, threads = json.loads(out)
    assert threads is None  # what the proxy computes with is not its client's
    assert told == ["-p", "--", "mend it"] and upstreams == [ANTHROPIC] and done.returncode == 7
    assert f"{address}/v1 to {ANTHROPIC}" in err and gone(address)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_who_ends_it_ends_both(env, number):
    process = wrap("claude", "--policy", "bm25", "--upstream", "http://127.0.0.1:9", "--", "wait", env=env)
    address = json.loads(process.stdout.readline())[1]
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 128 + number and gone(address)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["codex", "--policy", "bm25"], "npm install -g @openai/codex"),
        (["claude", "--policy", "bm25", "--upstream", "ftp://x"], "--upstream"),
        (["claude", "--policy", "bm25", "--idle", "0"], "--idle"),
    ],
)
def test_a_mistake_is_told_in_one_line(env, arguments, told):
    process = wrap(*arguments, env=env | {"PATH": f"{env['HOME']}/bin"})
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1 and told in err and "Traceback" not in err


def test_claude_code(tmp_path):
    env = {"HOME": str(tmp_path)}
    client = CLIENTS["claude"](env)
    assert client.upstreams == {"anthropic": ANTHROPIC} and client.arguments(AT) == []
    assert client.environment(AT)["ANTHROPIC_BASE_URL"] == AT["anthropic"]
    client = CLIENTS["claude"](env | {"ANTHROPIC_BASE_URL": "https://gate.example.org/a/"})
    assert client.upstreams == {"anthropic": "https://gate.example.org/a/v1"}
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude/settings.json").write_text('{"env": {"ANTHROPIC_BASE_URL": "https://own.example.org"}}')
    client = CLIENTS["claude"](env)
    assert client.upstreams == {"anthropic": "https://own.example.org/v1"}
    assert json.loads(client.arguments(AT)[1]) == {"env": {"ANTHROPIC_BASE_URL": AT["anthropic"]}}
    with pytest.raises(ValueError, match="CLAUDE_CODE_USE_VERTEX"):
        CLIENTS["claude"](env | {"CLAUDE_CODE_USE_VERTEX": "1"})
    (tmp_path / ".claude/settings.json").write_text("{")
    with pytest.raises(ValueError, match="settings.json: not JSON"):
        CLIENTS["claude"](env)


def given(client):
    """What Codex's -c options say."""
    _, *options = " ".join(client.arguments(AT)).split("-c ")
    return {key: json.loads(value) for key, value in (option.split("=", 1) for option in options)}


def test_codex(tmp_path):
    env = {"HOME": str(tmp_path), "CODEX_HOME": str(tmp_path / "codex")}
    by_key = CLIENTS["codex"](env | {"OPENAI_API_KEY": "sk-none"})
    assert by_key.upstreams == {"openai": OPENAI}
    told = given(by_key)
    assert told["model_provider"] == "lrrc" and told["model_providers.lrrc.base_url"] == f"{AT['openai']}/v1"
    assert told["model_providers.lrrc.env_key"] == "OPENAI_API_KEY"
    assert told["model_providers.lrrc.supports_websockets"] is False
    (tmp_path / "codex").mkdir()
    (tmp_path / "codex/auth.json").write_text('{"OPENAI_API_KEY": null, "tokens": {"access_token": "x"}}')
    signed_in = CLIENTS["codex"](env)
    assert signed_in.upstreams == {"openai": CHATGPT}
    assert given(signed_in)["model_providers.lrrc.requires_openai_auth"] is True
    settings = tmp_path / "codex/config.toml"
    settings.write_text('model_provider = "gate"\n[model_providers.gate]\nbase_url = "https://gate.example.org/v1"\n')
    own = CLIENTS["codex"](env)
    assert own.upstreams == {"openai": "https://gate.example.org/v1"}
    assert given(own) == {
        "model_provider": "gate",
        "model_providers.gate.base_url": f"{AT['openai']}/v1",
        "model_providers.gate.supports_websockets": False,
    }
    for text, told in (('model_provider = "x"', "no base_url"), ("=", "not TOML")):
        settings.write_text(text)
        with pytest.raises(ValueError, match=told):
            CLIENTS["codex"](env)


def test_opencode():
    mine = {"model": "anthropic/x", "provider": {"anthropic": {"options": {"timeout": 9}}}}
    client = CLIENTS["opencode"]({"OPENCODE_CONFIG_CONTENT": json.dumps(mine)})
    assert client.upstreams == {"anthropic": ANTHROPIC, "openai": OPENAI} and client.arguments(AT) == []
    config = json.loads(client.environment(AT)["OPENCODE_CONFIG_CONTENT"])
    assert config["model"] == "anthropic/x"
    assert config["provider"]["anthropic"]["options"] == {"timeout": 9, "baseURL": f"{AT['anthropic']}/v1"}
    assert config["provider"]["openai"]["options"] == {"baseURL": f"{AT['openai']}/v1"}
