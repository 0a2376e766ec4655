"""`lrrc serve` as a user starts and ends it, and what it says where it cannot start."""

import asyncio
import os
import signal
import socket
import subprocess
import sys

import httpx2
import openai
import pytest
from helpers.chats import HISTORY, KEY
from helpers.checkpoints import write_checkpoint
from helpers.upstreams import Upstream, running

from lrrc.cli import main
from lrrc.commands.serve import _make_ready, base_address, listen, parse_upstreams
from lrrc.digest import rule_wording
from lrrc.digest.signals import Signal
from lrrc.middleware import Coordinator

UP = ["--upstream", "http://127.0.0.1:9/v1"]


@pytest.fixture(scope="module")
def direct():
    with running(Upstream().app) as address:
        yield address


class Served:
    """A process of `lrrc serve`: its address, and all that it prints."""

    def __init__(self, *args, cwd, **env):
        command = [sys.executable, "-m", "lrrc.cli", "serve", "--port", "0", *args]
        # a shell has SIGINT ignored in what it starts in the background, and children of that inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process = subprocess.Popen(
            command, cwd=cwd, env=os.environ | env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.line = self.process.stdout.readline()
        assert self.line.startswith("lrrc serve: http"), self.line + self.process.stdout.read()
        self.address = self.line.split()[2].removesuffix("/v1")

    def end(self, how=signal.SIGINT):
        self.process.send_signal(how)
        rest = self.process.communicate(timeout=20)[0]
        return self.process.returncode, self.line + rest

    def ask(self, messages=HISTORY, **headers):
        with openai.OpenAI(base_url=f"{self.address}/v1", api_key=KEY, max_retries=0) as client:
            return client.chat.completions.with_raw_response.create(
                model="words", messages=messages, extra_headers=headers
            )


def test_a_trained_policy_serves_and_its_state_survives(direct, tmp_path):
    trained = ("--checkpoint", str(write_checkpoint(tmp_path)))
    names = {"x-lrrc-conversation": "ticket-17"}
    served = Served("--upstream", f"{direct}/v1", "--rewrite", "2", "--state", "kept", *trained, cwd=tmp_path)
    try:
        first = served.ask(**names)
        assert first.headers["x-lrrc-action"] == "rewritten"
        assert httpx2.get(f"{served.address}/stats").json()["policy"] == "lrrc"
    finally:
        code, printed = served.end()
    assert code == 130 and len(printed.splitlines()) == 1 and KEY not in printed
    stored = [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    assert stored and not [path for path in stored if KEY.encode() in path.read_bytes()]
    served = Served("--upstream", f"{direct}/v1", "--rewrite", "2", "--state", "kept", *trained, cwd=tmp_path)
    try:
        longer = [*HISTORY, {"role": "assistant", "content": "It was."}, {"role": "user", "content": "Are you sure?"}]
        assert served.ask(longer, **names).headers["x-lrrc-action"] == "kept"  # the digest of the first run stands
    finally:
        code, _ = served.end(signal.SIGTERM)
    assert code in (0, -signal.SIGTERM)


def test_a_token_in_the_environment_opens_other_addresses(direct, tmp_path):
    secret = "correct-horse-battery"
    served = Served(
        "--upstream", f"{direct}/v1", "--policy", "bm25", "--host", "0.0.0.0", cwd=tmp_path, LRRC_TOKEN=secret
    )
    try:
        address = served.address.replace("0.0.0.0", "127.0.0.1")
        assert httpx2.get(f"{address}/stats").status_code == 401
        assert httpx2.get(f"{address}/stats?token={secret}").status_code == 200
        assert httpx2.get(f"{address}/v1/models", headers={"x-lrrc-token": secret}).status_code == 200
    finally:
        _, printed = served.end()
    assert secret not in printed


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["--upstream", "api.openai.com"], "--upstream = 'api.openai.com': allowed is an address such as"),
        (["--upstream", "ftp://host/v1"], "allowed is an address"),
        (["--upstream", "http://host:99999/v1"], "allowed is an address"),
        (["--upstream", f"https://user:{KEY}@host/v1"], "without user, password"),
        (
            ["--upstream", f"https://host/openai/deployments/gpt?api-version=2024-10-21&key={KEY}"],
            "set it in the client",
        ),
        (["--upstream", f"gpt=https://host/v1?key={KEY}"], "give the address without what follows its `?`"),
        ([*UP, *UP], "the default is given twice"),
        ([*UP, "--host", "0.0.0.0"], "needs --token or LRRC_TOKEN"),
        ([*UP, "--host", "no.such.host.invalid", "--token", "t"], "cannot listen there"),
        ([*UP, "--port", "70000"], "--port = 70000"),
        ([*UP, "--idle", "0"], "--idle = 0"),
        ([*UP, "--keep", "0"], "--keep = 0"),
        ([*UP, "--otlp", "ftp://host"], "--otlp = 'ftp://host': allowed is an address"),
        ([*UP, "--otlp", f"http://user:{KEY}@host"], "without user, password"),
        ([*UP, "--policy", "bm25", "--port", "0", "--holdout", "2"], "holdout = 2.0: allowed is a number from 0 to 1"),
        ([*UP, "--policy", "bm25", "--port", "0", "--price-write", "-1"], "price_write = -1.0"),
        ([*UP, "--policy", "bm25", "--port", "0", "--prices", "nowhere.yaml"], "nowhere.yaml"),
        ([*UP, "--policy", "bm25", "--port", "0", "--ledger", "/dev/null/x"], "no ledger can be kept here"),
        ([*UP, "--policy", "bm25", "--port", "0", "--budget", "-1"], "--budget = -1"),
        ([*UP, "--policy", "bm25", "--port", "0", "--rewrite", "sometimes"], "rewrite = 'sometimes'"),
        ([*UP, "--policy", "bm25", "--port", "0", "--conversations", "0"], "max_sessions = 0"),
        ([*UP, "--policy", "bm25", "--port", "0", "--standing", "0.6"], "standing = 0.6: allowed is a number from 0"),
        ([*UP, "--port", "0", "--checkpoint", "nowhere"], "nowhere"),
        ([*UP, "--policy", "bm25", "--port", "0", "--state", "file"], "file"),
    ],
)
def test_what_a_user_gets_wrong_is_one_line(args, reason, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LRRC_TOKEN", raising=False)
    (tmp_path / "file").write_text("not a folder")
    assert main(["serve", *args]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("lrrc serve: ") and reason in printed.err and len(printed.err.splitlines()) == 1
    assert printed.out == "" and KEY not in printed.err


def test_a_port_that_is_taken_is_one_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", *UP, "--policy", "bm25", "--port", str(taken.getsockname()[1])]) == 1
    assert "cannot listen there: Address already in use" in capsys.readouterr().err


def test_small_answers_are_not_held_back():
    """Nagle's algorithm, which would wait for acknowledgements (40 ms), is off on every connection."""

    async def connect():
        with listen("127.0.0.1", 0) as listener:
            found = asyncio.get_running_loop().create_future()

            def accepted(reader, writer):
                found.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                writer.close()

            async with await asyncio.start_server(accepted, sock=listener) as server:
                _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
                writer.close()
                return await found

    assert asyncio.run(connect())


def test_no_upstream_is_a_question_of_usage(capsys):
    with pytest.raises(SystemExit) as left:
        main(["serve"])
    assert left.value.code == 2 and "--upstream" in capsys.readouterr().err


def test_addresses_of_upstreams():
    assert (
        base_address("http://localhost:1234") == base_address("http://localhost:1234/v1/") == "http://localhost:1234/v1"
    )
    assert base_address("https://[::1]:8000/v1beta/openai/") == "https://[::1]:8000/v1beta/openai"
    assert (
        base_address("http://h:1/v1/chat/completions")
        == base_address("http://h:1/v1/chat/completions/")
        == "http://h:1/v1"
    )
    assert base_address("https://h/chat/completions") == "https://h"  # its own base has no path
    both = parse_upstreams(["smol=http://a/v1", "x=y=http://b"])
    assert both == {None: "http://a/v1", "smol": "http://a/v1", "x=y": "http://b/v1"} and next(iter(both)) is None
    assert parse_upstreams(["m=http://a", "http://b"]) == {None: "http://b/v1", "m": "http://a/v1"}


def test_no_pattern_of_rules_is_compiled_by_the_first_request():
    coordinator = Coordinator("bm25")
    _make_ready(coordinator)
    signals = [value for value in vars(rule_wording).values() if isinstance(value, Signal)]
    assert len(signals) > 20 and all({"_word", "_sign"} <= vars(signal).keys() for signal in signals)
    assert len(coordinator.sessions) == 0
