"""The digest explorer's data: which episodes, and spans that are what the policies send."""

import dataclasses

import pytest
from helpers.made_up_results import explored
from helpers.random_episodes import episode

from lrrc.evaluation.explorer import choose
from lrrc.report.explorer_section import last_turn
from lrrc.runtime.files import canonical_json


def test_first_of_every_family_then_the_next():
    families = ["recall"] * 8 + ["rule", "quantity"]
    episodes = [dataclasses.replace(episode(i), category=family) for i, family in enumerate(families)]
    chosen = choose(episodes, 5, 0)
    assert {e.category for e in chosen[:3]} == set(families) and len({e.episode_id for e in chosen}) == 5
    assert chosen == choose(episodes, 5, 0) and chosen[:2] == choose(episodes, 2, 0)
    assert chosen != choose(episodes, 5, 1) and len(choose(episodes, 99, 0)) == len(episodes)


@pytest.fixture(scope="module")
def data():
    return explored("🙂 I said:")


def test_spans_are_copied_text_within_what_was_counted(data):
    from lrrc.digest.history import History
    from lrrc.digest.rendering import render
    from lrrc.digest.selection import Span
    from lrrc.episodes.episode import Message
    from lrrc.pretrained import tokens
    from lrrc.pretrained.sentence_encoder import NO_VECTORS

    assert canonical_json(data) == canonical_json(explored("🙂 I said:"))
    for shown in data["episodes"]:
        said = [m for turn in shown["turns"] for m in (*turn["inputs"], *turn["replies"])]
        history, before = History((), NO_VECTORS, 60), 0
        history.append([Message("user" if who == "user" else "assistant", content, who) for who, content in said])
        for turn in shown["turns"]:
            for name, calls in zip(data["policies"], turn["sent"], strict=True):
                for call in calls:
                    lines = {}
                    for m, start, end in call["spans"]:
                        assert m < before and 0 <= start < end <= len(said[m][1])
                        lines.setdefault(m, []).append(said[m][1][start:end])
                    if call["digest"]:
                        text = render(history, [Span(*span) for span in call["spans"]])
                        assert tokens.count(text) == call["tokens"] <= 128
                    elif name == "full-context":
                        assert list(lines) == list(range(before)) and call["tokens"] == call["history"]
            before += len(turn["inputs"]) + len(turn["replies"])


def test_the_static_view_is_the_last_turn(data):
    view, last = last_turn(data), data["episodes"][0]["turns"][-1]
    assert view["tokens"] == [(n, calls[0]["tokens"]) for n, calls in zip(data["policies"], last["sent"], strict=True)]
    sent = [text for line in view["lines"] for text, marked in line["pieces"] if marked]
    assert len(sent) == len(last["sent"][0][0]["spans"]) > 0
    assert "".join(t for t, _ in view["lines"][-1]["pieces"]) == last["replies"][-1][1]
