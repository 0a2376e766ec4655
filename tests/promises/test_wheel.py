"""The wheel in a bare environment: without training, torch or network, from any folder, all that serves works."""

import json
import subprocess
import urllib.request

import pytest
from helpers.bare_environments import bare_environment, build_wheel
from helpers.chats import HISTORY
from helpers.upstreams import Upstream, running

MOST = 12_000_000 + 3_000_000  # bytes of a wheel: what is packaged, and the code with the report's template
FACTS = "The lodger in the attic is called Perpetua. " + "We talked about the weather and the lake for long. " * 20
TALK = [
    {"role": "user", "content": "Let us plan the winter."},
    {"role": "assistant", "content": "Gladly, and the boat is painted. " * 20},
    {"role": "user", "content": FACTS},
    {"role": "assistant", "content": "Noted. The roof is old. " * 10},
    {"role": "user", "content": "Thank you. The mill closes in October, and bread is dear. " * 10},
    {"role": "assistant", "content": "I see. Shall I write to the miller? " * 10},
    {"role": "user", "content": "What is the lodger in the attic called?"},
]
HEAVY = ("torch", "dvc", "mlflow", "pandas", "datasets", "scipy", "pyarrow", "transformers", "model2vec", "matplotlib")
COORDINATOR = f"""
import json, sys
from lrrc.middleware import Coordinator
payload, receipt = Coordinator().compose({TALK!r})
assert any(choice.called for choice in Coordinator().choose({TALK!r}, ["Fir", "Oak"]))
print(json.dumps([payload, receipt.to_dict(), [name for name in {HEAVY} if name in sys.modules]]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def programs(wheel, tmp_path_factory):
    return bare_environment(tmp_path_factory.mktemp("bare") / "environment", wheel)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder of a user, without a home that could hold caches of models."""
    monkeypatch.chdir(tmp_path)
    for name in ("PYTHONPATH", "LRRC_ARITHMETIC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "logs.jsonl").write_text(json.dumps({"id": "a", "messages": TALK}) + "\n")
    return tmp_path


def run(*command, code=0):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stderr
    return done


def test_it_is_small(wheel):
    assert wheel.stat().st_size <= MOST


def test_nothing_heavy_is_there(programs, elsewhere):
    found = f"import importlib.util; print([n for n in {HEAVY} if importlib.util.find_spec(n)])"
    assert run(programs / "python", "-c", found).stdout == "[]\n"


def test_a_coordinator_works_at_once(programs, elsewhere):
    payload, receipt, heavy = json.loads(run(programs / "python", "-c", COORDINATOR).stdout)
    assert heavy == [] and receipt["policy"] == "lrrc" and receipt["action"] == "rewritten"
    assert "Perpetua" in str(payload) and receipt["tokens_after"] < receipt["tokens_before"] / 2
    assert receipt["checkpoint"].startswith(str(programs.parent))


def test_the_first_digest_takes_two_seconds(programs, elsewhere):
    """Of processor time; the second start, as pip leaves compiled bytecode and the test's links do not."""
    code = COORDINATOR + "import time; print(time.process_time())"
    run(programs / "python", "-c", code)
    assert float(run(programs / "python", "-c", code).stdout.split()[-1]) <= 2


def test_compress(programs, elsewhere):
    done = run(programs / "lrrc", "compress", "logs.jsonl", "short.jsonl")
    assert "the packaged coordinator" in done.stderr and "1 lines written" in done.stderr
    receipt = json.loads((elsewhere / "short.jsonl").read_text())["receipt"]
    assert receipt["policy"] == "lrrc" and 0 < receipt["digest_tokens"] <= 128


def test_estimate(programs, elsewhere):
    said = run(programs / "lrrc", "estimate", "logs.jsonl", "--price-in", "1", "--price-out", "2").stdout
    assert [line for line in said.splitlines() if line.startswith("lrrc ")] and "embedding" in said


def test_serve(programs, elsewhere):
    with running(Upstream().app) as upstream:
        command = [
            str(programs / "lrrc"),
            "serve",
            "--upstream",
            f"{upstream}/v1",
            "--port",
            "0",
            "--cache-minimum",
            "0",
        ]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            line = server.stdout.readline()
            assert "the packaged coordinator" in line, line + server.stdout.read()
            body = json.dumps({"model": "words", "messages": [*TALK[:-1], *HISTORY[-1:]]}).encode()
            headers = {"content-type": "application/json", "authorization": "Bearer none"}
            asked = urllib.request.Request(f"{line.split()[2]}/chat/completions", body, headers)
            with urllib.request.urlopen(asked, timeout=30) as answer:
                assert answer.headers["x-lrrc-action"] == "rewritten" and json.load(answer)["choices"]
        finally:
            server.terminate()
            server.wait(20)
            server.stdout.close()


@pytest.mark.parametrize("command", ["fidelity logs.jsonl", "compress logs.jsonl out.jsonl --policy rims-only"])
def test_what_needs_more_says_what_to_install(programs, elsewhere, command):
    said = run(programs / "lrrc", *command.split(), code=1).stderr.splitlines()[-1]
    assert said.startswith(f"lrrc {command.split()[0]}: ") and "pip install 'lrrc[pipeline]'" in said
