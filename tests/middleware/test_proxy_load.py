"""Many conversations at once: none mixed up, stalled or lost, and a trained policy shared by threads."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from helpers.checkpoints import write_checkpoint
from helpers.paths import ROOT

from lrrc.middleware import Coordinator, Settings

BENCH = ROOT / "bench/proxy.py"


def test_200_streaming_conversations_at_once():
    # by the fourth turn there is a history longer than a digest, however slow the machine
    command = [sys.executable, str(BENCH), "load", "--conversations", "200", "--turns", "4", "--seconds", "0"]
    done = subprocess.run([*command, "--pause", "0.05", "--stall", "60"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result["calls"] == 800 and result["words"] == 20 * result["calls"]
    assert result["lost"] == result["wrong"] == [] and result["stalled"] == 0
    assert result["proxy"]["replies"] == {"200": result["calls"]}
    assert result["proxy"]["requests"]["rewritten"] > 0 == result["proxy"]["requests"]["failed"]


def test_threads_share_a_trained_policy(tmp_path):
    checkpoint = write_checkpoint(tmp_path)
    coordinator = Coordinator("lrrc", 24, Settings(rewrite="always"), checkpoint, tmp_path / "data/encoder")

    def talk(number):
        messages = []
        for turn in range(4):
            messages += [
                {"role": "user", "content": f"Anna {number} wants the report by Friday, turn {turn}. " * 5},
                {"role": "assistant", "content": f"Bogdan {number} is allergic to peanuts and lentils. " * 5},
            ]
            payload, receipt = coordinator.compose([*messages, {"role": "user", "content": "Why is Anna red?"}])
        return payload, receipt.tokens_after

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(talk, range(24)))
    coordinator = Coordinator("lrrc", 24, Settings(rewrite="always"), checkpoint, tmp_path / "data/encoder")
    assert together == [talk(number) for number in range(24)]
