"""Money on a user's own logs: by hand, with and without a prompt cache, and through the command line."""

import json
import weakref

import pytest
from helpers.checkpoints import write_checkpoint
from helpers.random_episodes import episode

from lrrc.cli import main
from lrrc.commands.estimate import load_policies, notes, table
from lrrc.episodes.parsing import parse_episode
from lrrc.evaluation.cost_estimate import LIMITS, Prices, amount, estimate
from lrrc.policies.registry import load_policy
from lrrc.policies.spec import PolicySpec
from lrrc.policy_catalogue import UNTRAINED, WHOLE
from lrrc.pretrained import sentence_encoder, tokens
from lrrc.report.figures.cost_estimate import draw_estimate, save_estimate

FACTS = [f"Parcel {i} weighs {i * 7} kg. It left depot {i}, and nobody has asked for it since." for i in range(12)]
SYSTEM = {"role": "system", "content": "Answer briefly and politely."}


def log(name="a", facts=FACTS):
    """A chat log whose last user message was not answered."""
    messages = [SYSTEM]
    for fact in facts:
        messages += [{"role": "user", "content": fact}, {"role": "assistant", "content": f"Noted: {fact}"}]
    return {"id": name, "messages": [*messages, {"role": "user", "content": "Thanks."}]}


def parsed(**options):
    return parse_episode(log(**options), "log")


def row_of(result, policy):
    return next(row for row in result.rows if row.policy == policy)


def test_full_context_by_hand():
    first, second, third = FACTS[:3]
    made = estimate([parsed(facts=FACTS[:3])] * 2, [], Prices(2.0, 0.5, 8.0))
    n = tokens.count
    start = n(SYSTEM["content"]) + n(first)
    grown = start + n(f"Noted: {first}") + n(second)
    last = grown + n(f"Noted: {second}") + n(third)
    answers = sum(n(f"Noted: {fact}") for fact in FACTS[:3])
    (row,) = made.rows
    assert made.episodes == 2 and row.cost.calls == 6  # none for the message that nobody answered
    assert row.cost.prompt == 2 * (start + grown + last)
    assert row.cost.reusable == 2 * (start + grown)
    assert row.cost.completion == 2 * answers
    money = 2 * (2.0 * last + 0.5 * (start + grown) + 8.0 * answers) / 1e6
    assert made.prices.money(row.cost) == pytest.approx(money, rel=1e-12)
    assert made.saved(row) == 0 and not made.costs_more(row)


def test_a_broken_cache_costs_more_and_is_said():
    policies = [load_policy(PolicySpec("recency", 64)), load_policy(PolicySpec("truncated-history"))]
    same = estimate([parsed()], policies, Prices(2.0, 2.0, 8.0))
    cached = estimate([parsed()], policies, Prices(2.0, 0.0, 8.0))
    assert [r.policy for r in same.rows][-1] == "full-context" and not any(map(same.costs_more, same.rows))
    assert cached.rows[0].policy == "full-context"
    for name in ("recency", "truncated-history"):
        row = row_of(cached, name)
        assert row.cost == row_of(same, name).cost and row.cost.prompt < cached.full.cost.prompt
        assert cached.costs_more(row) and cached.saved(row) < 0
    assert any(line.startswith("! ") and "recency 64" in line for line in notes(cached))
    assert not any(line.startswith("! ") for line in notes(same))
    assert set(LIMITS) <= set(notes(same))
    marked = [line for line in table(cached).splitlines() if line.endswith(" !")]
    assert [line.split()[0] for line in marked] == [row.policy for row in cached.rows[1:]]


def test_rows_are_sorted_and_say_the_same_as_the_record():
    made = estimate(
        [parsed(), episode(1)], [load_policy(PolicySpec("bm25", b)) for b in (16, 64)], Prices(3.0, 1.0, 9.0)
    )
    record = made.to_dict()
    money = [row["money"] for row in record["rows"]]
    assert money == sorted(money) and {row["budget"] for row in record["rows"]} == {None, 16, 64}
    for row in record["rows"]:
        fresh = row["prompt_tokens"] - row["reusable_prefix_tokens"]
        paid = 3 * fresh + row["reusable_prefix_tokens"] + 9 * row["completion_tokens"]
        assert row["money"] == pytest.approx(paid / 1e6)
        whole = 3 * row["prompt_tokens"] + 9 * row["completion_tokens"]
        assert row["money_without_cache"] == pytest.approx(whole / 1e6)
    assert record["not_estimated"] == list(LIMITS)
    lines = table(made).splitlines()
    ends = {line.rstrip(" !").rfind("%") for line in lines if "%" in line}
    assert len(lines) == 4 and len(ends) == 1  # figures stand under each other


def test_episodes_pass_through_one_at_a_time():
    alive, most = weakref.WeakSet(), 0

    def stream():
        nonlocal most
        for i in range(40):
            one = parsed(name=f"e{i}", facts=FACTS[:2])
            alive.add(one)
            yield one
            del one
            most = max(most, len(alive))

    assert estimate(stream(), [load_policy(PolicySpec("recency", 32))], Prices(1, 1, 1)).episodes == 40
    assert most <= 2


def test_free_tokens_do_not_divide_by_zero():
    made = estimate([parsed()], [load_policy(PolicySpec("recency", 32))], Prices(0, 0, 0))
    assert [made.saved(row) for row in made.rows] == [0, 0]
    assert "0.00" in table(made)
    assert [amount(x) for x in (1234.5, 9.87654, 0.0012345)] == ["1,234.50", "9.877", "0.001234"]


def test_the_picture_is_the_same_every_time(tmp_path):
    made = estimate([parsed()], [load_policy(PolicySpec("recency", 64))], Prices(2.0, 0.1, 8.0))
    figure = draw_estimate(made)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [row.label for row in made.rows]
    widths = [sum(bar.get_width() for bar in bars) for bars in zip(*axes.containers, strict=True)]
    assert widths == pytest.approx([made.prices.money(row.cost) for row in made.rows])
    for name in ("one.png", "two.png"):
        save_estimate(draw_estimate(made), tmp_path / name)
    one = (tmp_path / "one.png").read_bytes()
    assert one == (tmp_path / "two.png").read_bytes() and one.startswith(b"\x89PNG")


@pytest.fixture
def logs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sentence_encoder.load.cache_clear()  # of data/encoder below another folder
    (tmp_path / "logs.jsonl").write_text(json.dumps(log("a")) + "\n" + json.dumps(log("b", FACTS[:2])) + "\n")
    return tmp_path


PRICED = ["estimate", "logs.jsonl", "--price-in", "2", "--price-out", "8"]


DIGESTING = [name for name in (*UNTRAINED, "lrrc") if name not in WHOLE]


def test_command_without_checkpoint(logs, capsys):
    files = ["--json", "out/e.json", "--picture", "out/e.png"]
    assert main([*PRICED, "--budgets", "32, 64", *files]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("lrrc: the packaged coordinator") and err.count("\n") == 1
    assert "2 episodes" in out and "priced like fresh ones" in out
    record = json.loads((logs / "out/e.json").read_text())
    assert {(row["policy"], row["budget"]) for row in record["rows"]} == {
        ("no-history", None),
        ("full-context", None),
        ("truncated-history", None),
        *((name, budget) for name in DIGESTING for budget in (32, 64)),
    }
    first = (logs / "out/e.json").read_bytes()
    assert main([*PRICED, "--budgets", "64,32", *files]) == 0
    assert (logs / "out/e.json").read_bytes() == first


def test_what_is_not_among_the_figures_is_said(logs, capsys):
    thoughtful = log("c")
    thoughtful["messages"][2]["reasoning_content"] = "The lake is deep."
    thoughtful["messages"][1]["content"] = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "x"}},
    ]
    (logs / "logs.jsonl").write_text(json.dumps(thoughtful) + "\n")
    assert main([*PRICED, "--policies", "no-history", "--json", "e.json"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    thoughts = tokens.count("The lake is deep.")
    assert f"Not among the figures: {thoughts} tokens of reasoning_content." in said
    assert "Unknown, having no text: 1 image_url." in said
    apart = json.loads((logs / "e.json").read_text())["not_counted"]
    assert apart == {"tokens": {"reasoning_content": thoughts}, "parts": {"image_url": 1}}


def test_tools_are_counted_with_every_call(logs, capsys):
    found = []
    tools = [{"type": "function", "function": {"name": "ferry", "description": "When the ferry goes."}}]
    for extra in ({}, {"tools": tools}):
        (logs / "logs.jsonl").write_text(json.dumps(log("c") | extra) + "\n")
        assert main([*PRICED, "--policies", "recency", "--json", "e.json"]) == 0
        found.append(json.loads((logs / "e.json").read_text())["rows"])
    for before, after in zip(*found, strict=True):
        assert after["prompt_tokens"] - before["prompt_tokens"] == before["calls"] * tokens.count(json.dumps(tools))


def test_a_model_has_its_prices(logs, capsys):
    """The table's, with a token that no cache has priced as written into it."""
    command = ["estimate", "logs.jsonl", "--policies", "recency"]
    assert main([*command, "--model", "anthropic/claude-sonnet-4-5", "--json", "a.json"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "at 3.75 per million prompt tokens (0.3 where cached) and 15 per" in said
    assert "Prices of anthropic as entered on 2026-" in said and "written into it (3.75; without: 3)" in said
    assert main([*command, "--price-in", "3.75", "--price-cached", "0.3", "--price-out", "15", "--json", "b.json"]) == 0
    assert (logs / "a.json").read_text() == (logs / "b.json").read_text()
    for wrong, reason in (
        (["--model", "no-such"], "not in the table of prices"),
        (["--model", "gpt-5", "--price-in", "1"], "not both"),
        (["--price-in", "1"], "give --price-in and --price-out, or --model"),
    ):
        capsys.readouterr()
        assert main([*command, *wrong]) == 1 and reason in capsys.readouterr().err


def test_command_with_checkpoint(logs, capsys):
    trained = ["--checkpoint", str(write_checkpoint(logs))]
    assert main([*PRICED, "--policies", "lrrc,embedding", "--price-cached", "0.2", *trained]) == 0
    out, err = capsys.readouterr()
    assert err == "" and {line.split()[0] for line in out.splitlines()[1:4]} == {
        "full-context",
        "lrrc",
        "embedding",
    }
    reasons = []
    names = {policy.name for policy in load_policies(None, [8], None, reasons.append)}
    assert {"lrrc", "embedding"} <= names and reasons == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--checkpoint", "nowhere"], "nowhere: no checkpoint here"),
        (["--policies", "bm25,magic"], "policy = 'magic'"),
        (["--budgets", "64,-1"], "--budgets = '64,-1'"),
        (["--price-cached", "3"], "price of cached tokens = 3.0"),
        (["--price-in", "nan"], "price of prompt tokens = nan"),
        (["--json", "logs.jsonl"], "must be a file of its own that ends in .json"),
        (["--picture", "out.svg"], "ends in .png"),
    ],
)
def test_mistakes_end_in_one_line(logs, arguments, reason, capsys):
    before = sorted(logs.iterdir())
    assert main([*PRICED, *arguments]) == 1
    error = capsys.readouterr().err.splitlines()
    assert reason in error[-1] and error[-1].startswith("lrrc estimate: ")
    assert all(" left out: " in line for line in error[:-1]) and sorted(logs.iterdir()) == before


def test_bad_logs_end_in_one_line(logs, capsys):
    with (logs / "logs.jsonl").open("a") as out:
        out.write('{"id": "c"}\n')
    assert main([*PRICED, "--policies", "recency"]) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 2 and error[0].startswith("logs.jsonl: line 3") and error[1] == "1 left out, 2 read"
