"""Commands called from another folder, and with pipes where files are meant."""

import json
import shutil
import subprocess
import sys

import pytest
from helpers.checkpoints import write_checkpoint

from lrrc.cli import main
from lrrc.commands.serve import add_arguments, make_coordinator
from lrrc.policies.serving import encoder_for
from lrrc.policies.spec import PolicySpec

WORDS = "The lamp of the lighthouse turns every nine seconds. The keeper winds it at dusk. Nobody else may. "
MESSAGES = [
    {"role": "user", "content": "How does the lighthouse work?"},
    {"role": "assistant", "content": WORDS * 4},
    {"role": "user", "content": "And the horn?"},
    {"role": "assistant", "content": "It sounds in fog. " * 9},
    {"role": "user", "content": "How fast does the lamp turn?"},
]
LINE = json.dumps({"id": "a", "messages": MESSAGES}) + "\n"
LOG = json.dumps({"id": "a", "messages": MESSAGES[:-1]}) + "\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A checkpoint and its encoder, as the pipeline puts them."""
    root = tmp_path_factory.mktemp("project")
    write_checkpoint(root)
    return root


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "in.jsonl").write_text(LINE)
    (folder / "logs.jsonl").write_text(LOG)
    return folder


def test_a_checkpoint_brings_its_encoder(project, elsewhere, capsys):
    checkpoint = str(project / "models/train-r8-s0")
    assert main(["compress", "in.jsonl", "out.jsonl", "--checkpoint", checkpoint]) == 0
    prices = ["--price-in", "1", "--price-out", "1", "--policies", "lrrc,embedding"]
    assert main(["estimate", "logs.jsonl", *prices, "--checkpoint", checkpoint]) == 0, capsys.readouterr().err
    encoder = str(project / "data/encoder")
    assert main(["estimate", "logs.jsonl", *prices[:-1], "embedding", "--encoder", encoder]) == 0


def test_serve_takes_the_encoder_of_a_checkpoint(project, elsewhere):
    import argparse

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    checkpoint = project / "models/train-r8-s0"
    args = parser.parse_args(["--upstream", "http://127.0.0.1:9", "--checkpoint", str(checkpoint)])
    assert make_coordinator(args).encoder == project / "data/encoder"


@pytest.mark.parametrize("place", ["kept/encoder", "encoder"])
def test_an_encoder_inside_or_beside_is_found(project, elsewhere, place):
    shutil.copytree(project / "models/train-r8-s0", elsewhere / "kept")
    shutil.copytree(project / "data/encoder", elsewhere / place)
    assert encoder_for(PolicySpec("lrrc"), None, elsewhere / "kept") == elsewhere / place
    assert main(["compress", "in.jsonl", "out.jsonl", "--checkpoint", "kept"]) == 0


def test_without_an_encoder_one_line_says_where_it_was_looked_for(project, elsewhere, capsys):
    shutil.copytree(project / "models/train-r8-s0", elsewhere / "kept")
    assert main(["compress", "in.jsonl", "out.jsonl", "--checkpoint", "kept"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "--encoder" in said and f"{elsewhere}/kept/encoder" in said
    assert main(["compress", "in.jsonl", "out.jsonl", "--checkpoint", "kept", "--policy", "bm25"]) == 0


def shell(command, folder):
    """A command line of bash, in which `lrrc` is the project's."""
    script = f'lrrc() {{ "{sys.executable}" -m lrrc.cli "$@"; }}; set -o pipefail; {command}'
    return subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=120, check=False)


COMPRESS = [
    "cat in.jsonl | lrrc compress - - --policy bm25 > out.jsonl",
    "cat in.jsonl | lrrc compress /dev/stdin /dev/stdout --policy bm25 | cat > out.jsonl",
    "lrrc compress <(cat in.jsonl) out.jsonl --policy bm25",
    "mkfifo pipe; cat in.jsonl > pipe & lrrc compress pipe out.jsonl --policy bm25",
    "lrrc compress - out.jsonl --policy bm25 < in.jsonl",
]


@pytest.mark.parametrize("command", COMPRESS)
def test_compress_takes_pipes(elsewhere, command):
    done = shell(command, elsewhere)
    assert done.returncode == 0, done.stderr
    answer = json.loads((elsewhere / "out.jsonl").read_text())
    assert answer["receipt"]["action"] == "rewritten" and "1 lines written" in done.stderr
    assert not (elsewhere / "-").exists()


ESTIMATE = "--price-in 1 --price-out 1 --policies bm25"


@pytest.mark.parametrize(
    "command", [f"cat logs.jsonl | lrrc estimate - {ESTIMATE}", f"lrrc estimate <(cat logs.jsonl) {ESTIMATE}"]
)
def test_estimate_takes_pipes(elsewhere, command):
    done = shell(command, elsewhere)
    assert done.returncode == 0 and "1 episodes" in done.stdout, done.stderr


def test_mistakes_in_pipes_are_one_line(elsewhere):
    done = shell(f"echo '{{' | lrrc estimate - {ESTIMATE}", elsewhere)
    assert done.returncode == 1 and done.stderr.startswith("lrrc estimate: -: line 1: "), done.stderr
    assert done.stderr.count("\n") == 1
    own = shell("lrrc compress - in.jsonl --policy bm25 < in.jsonl", elsewhere)
    assert own.returncode == 1 and "must be a file of its own" in own.stderr
    assert (elsewhere / "in.jsonl").read_text() == LINE


def test_a_reader_that_has_seen_enough_is_no_error(elsewhere):
    prices = ["--price-in", "1", "--price-out", "1", "--policies", "recency"]
    command = [sys.executable, "-m", "lrrc.cli", "estimate", "logs.jsonl", *prices]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()  # before anything is written
        said = process.stderr.read()
    assert "Broken pipe" not in said and "Traceback" not in said
