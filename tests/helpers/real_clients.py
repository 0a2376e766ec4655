"""The real Codex and Claude Code, against an address: where they are installed, and how a session of them is driven."""

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from helpers.paths import ROOT

CLIENTS = Path(os.environ.get("LRRC_CLIENTS") or ROOT / ".cache/clients")
KEY = "sk-of-nobody"
QUIET = {
    "DISABLE_TELEMETRY": "1",
    "DISABLE_AUTOUPDATER": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "NO_PROXY": "127.0.0.1",
}
CODEX = """
model_provider = "local"
check_for_update_on_startup = false
[model_providers.local]
name = "local"
base_url = "{address}/v1"
wire_api = "responses"
env_key = "LOCAL_KEY"
"""


def binary(name):
    """The client's program; without it a skip, or with CI=true a failure."""
    found = CLIENTS / "node_modules/.bin" / name
    if not found.exists() or find_spec("anthropic") is None:
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent(f"{name}, or Anthropic's types, are not installed: make test-clients")
    return str(found)


def run(command, cwd, env, limit=600):
    own = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
    done = subprocess.run(
        command, cwd=cwd, env=own | QUIET | env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def claude(address, folder, home, turns, thinking):
    """A session of Claude Code over turns of the user."""
    env = {"HOME": str(home), "ANTHROPIC_BASE_URL": address, "ANTHROPIC_API_KEY": KEY}
    env |= {"CLAUDE_CONFIG_DIR": str(home / ".claude"), "SHELL": shutil.which("bash")}
    if not thinking:
        env["MAX_THINKING_TOKENS"] = "0"
    more = []
    for asked in turns:
        command = [binary("claude"), "-p", *more, "--model", "claude-opus-4-8", asked, "--allowedTools", "Bash"]
        run(command, folder, env)
        more = ["--continue"]


def codex(address, folder, home, turns, thinking):
    """A session of Codex over turns of the user; whether it is told thoughts is the server's choice."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text(CODEX.format(address=address))
    env = {"HOME": str(home), "CODEX_HOME": str(home), "LOCAL_KEY": KEY}
    more = []
    for asked in turns:
        free = "--dangerously-bypass-approvals-and-sandbox"
        run([binary("codex"), "exec", *more, free, asked], folder, env)
        more = ["resume", "--last"]
