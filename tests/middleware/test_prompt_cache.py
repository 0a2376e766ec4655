"""Prompt caches: what a receipt says is reusable, stable prefixes, and bills on real conversations."""

import importlib.util
import json
import sys

import pytest
from helpers.chats import FILLER, call, chat, result, say
from helpers.paths import ROOT, SHARED
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lrrc.episodes.chat_message import text_of
from lrrc.episodes.episode_file import iter_episodes
from lrrc.middleware import Coordinator, Settings
from lrrc.middleware.prompt_cache import Bill, bill, worth_writing
from lrrc.middleware.tariff import tariff_of
from lrrc.pretrained import tokens


def data(file):
    if not (SHARED / file).is_file():
        pytest.skip(f"../shared/data/{file} is not there (real data for development only)")
    return list(iter_episodes(SHARED / file))


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bench_cache", ROOT / "bench/cache.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look up annotations
    spec.loader.exec_module(module)
    return module


class Provider:
    """A provider's prompt cache, told nothing but requests: it bills what it has read before at the cached price."""

    def __init__(self, settings):
        self.settings, self.last = settings, []

    def charge(self, payload, tools=None):
        """(fresh, reusable, money) of a request after the last one."""
        request = [json.dumps(tools), *(json.dumps(m, sort_keys=True) for m in payload)]
        sizes = [tokens.count(request[0]) if tools else 0, *(tokens.count(text_of(m)) for m in payload)]
        same = 0
        while same < min(len(request), len(self.last)) and request[same] == self.last[same]:
            same += 1
        self.last, total, cached = request, sum(sizes), sum(sizes[:same])
        cached = cached if cached >= self.settings.cache_minimum else 0
        money = (total - cached) * self.settings.price_fresh + cached * self.settings.price_cached
        return total - cached, cached, money


def calls_of(messages):
    """Message lists that end before every reply."""
    return [messages[:i] for i, m in enumerate([*messages, say("assistant", "")]) if m["role"] == "assistant"]


def play(messages, settings, policy="recency", budget=60):
    """Payloads and receipts of all calls; every receipt is checked against a provider's bill."""
    coordinator = Coordinator(policy, budget, settings=settings)
    sent, given_whole, composed = Provider(settings), Provider(settings), []
    for listed in calls_of(messages):
        payload, receipt = coordinator.compose(listed, conversation="c")
        fresh, cached, money = sent.charge(payload)
        assert (receipt.fresh_tokens, receipt.reusable_tokens) == (fresh, cached)
        assert receipt.billed_after == pytest.approx(money)
        assert receipt.billed_before == pytest.approx(given_whole.charge(listed)[2])
        composed.append((payload, receipt))
    return composed


def test_bills_by_hand():
    marks, sizes = [b"tools", b"a", b"b"], [5, 10, 20]
    assert bill([], marks, sizes, 0) == Bill(35, 0)
    assert bill([b"tools", b"a"], marks, sizes, 0) == Bill(20, 15)
    assert bill([b"tools", b"a", b"b", b"c"], marks, sizes, 0) == Bill(0, 35)
    assert bill([b"others", b"a", b"b"], marks, sizes, 0) == Bill(35, 0)
    assert bill([b"tools", b"a"], marks, sizes, 16) == Bill(35, 0)
    assert bill([b"tools", b"a"], marks, sizes, 15) == Bill(20, 15)
    assert Bill(20, 15).cost(tariff_of(Settings(price_fresh=2, price_cached=0.5))) == 47.5


def test_when_a_digest_is_worth_writing_by_hand():
    settings = tariff_of(Settings(price_fresh=1, price_cached=0.1))
    keep = Bill(fresh=50, reusable=1000)  # 150
    assert worth_writing(keep, Bill(140, 0), 0.0, settings)[0]  # dearer by nothing
    assert worth_writing(keep, Bill(300, 0), 0.0, settings) == (False, pytest.approx(75))  # 150 dearer, drops 750
    assert worth_writing(keep, Bill(300, 0), 75.0, settings) == (True, pytest.approx(150))
    assert worth_writing(keep, Bill(50, 1000), 9.0, settings) == (False, 9.0)  # nothing to drop


lengths = st.integers(0, 60)
rewrites = st.sampled_from(["auto", "always", 1, 2, 3])


@hypothesis_settings(deadline=None, max_examples=60)
@given(
    words=st.lists(st.tuples(lengths, lengths, st.booleans()), min_size=1, max_size=12),
    rewrite=rewrites,
    minimum=st.sampled_from([0, 60]),
    cached=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
)
def test_receipts_say_what_a_provider_bills(words, rewrite, minimum, cached):
    messages = [say("system", "Be brief. " * 9)]
    for t, (asked, answered, tool) in enumerate(words):
        messages.append(say("user", f"Question {t}. " + "fox river " * asked))
        messages += [call(f"c{t}"), result(f"c{t}", "bank hill " * asked)] if tool else []
        messages.append(say("assistant", f"Answer {t}. " + "boat tree " * answered))
    play(messages, Settings(rewrite=rewrite, cache_minimum=minimum, price_cached=cached), budget=30)


def test_between_two_digests_a_payload_only_grows():
    composed = play(chat(20), Settings(rewrite=4, cache_minimum=0, stale_tokens=10**6))
    turns_kept, before = 3, None
    for payload, receipt in composed:
        if receipt.action == "rewritten":
            assert turns_kept == 3
            turns_kept = 0
        elif receipt.action == "kept":
            turns_kept += 1
            assert payload[: len(before)] == before
            assert receipt.reusable_tokens == sum(tokens.count(text_of(m)) for m in before)
        before = payload
    actions = [receipt.action for _, receipt in composed]
    assert actions.count("rewritten") == 5 and actions.count("kept") == 12 and actions[:4] == ["passed"] * 4


def test_a_stale_digest_is_written_early():
    composed = play(chat(12), Settings(rewrite=100, cache_minimum=0, stale_tokens=300))
    reasons = [receipt.reason for _, receipt in composed if receipt.action == "rewritten"]
    assert len(reasons) > 2 and set(reasons) == {"stale"}
    composed = play(chat(12), Settings(rewrite=100, cache_minimum=0, stale_tokens=10**6))
    assert {receipt.action for _, receipt in composed} == {"passed"}


def test_a_free_cache_is_never_broken_and_a_useless_one_always():
    messages = [
        say("user", f"Question {t // 2}? {FILLER}") if t % 2 == 0 else say("assistant", "Yes.") for t in range(25)
    ]
    free = play(messages, Settings(price_cached=0.0, cache_minimum=0))
    assert all(receipt.action == "passed" for _, receipt in free)
    useless = play(messages, Settings(price_cached=1.0, cache_minimum=0))
    assert all(receipt.action == "rewritten" for _, receipt in useless[2:])


def test_a_digest_stays_through_the_steps_of_a_turn():
    """While tools are at work nothing but their messages is fresh."""
    messages = [*chat(8)]
    coordinator = Coordinator("recency", settings=Settings(cache_minimum=0, price_cached=0.5))
    before, receipt = coordinator.compose(messages, conversation="c")
    assert receipt.action == "rewritten"
    for step in range(4):
        new = [call(f"s{step}"), result(f"s{step}", f"Step {step}.")]
        messages += new
        payload, receipt = coordinator.compose(messages, conversation="c")
        assert payload == [*before, *new] and receipt.action == "kept"
        assert receipt.fresh_tokens == sum(tokens.count(text_of(m)) for m in new)
        before = payload


def test_tools_and_system_prompt_belong_to_the_prefix():
    tools = [{"type": "function", "function": {"name": "search", "description": FILLER}}]
    messages = chat(3)
    coordinator = Coordinator("full-context", settings=Settings(cache_minimum=0))
    receipts = [
        coordinator.compose(listed, conversation="c", tools=given)[1]
        for listed, given in [
            (messages, tools),
            (messages, tools),
            (messages, None),
            ([say("system", "Other."), *messages[1:]], None),
        ]
    ]
    assert [r.reusable_tokens for r in receipts] == [0, receipts[0].tokens_before, 0, 0]


def test_a_lower_budget_is_kept_at_once():
    coordinator = Coordinator("recency", budget=100, settings=Settings(rewrite=3, cache_minimum=0))
    messages = chat(8)
    assert 30 < coordinator.compose(messages, conversation="c")[1].digest_tokens <= 100
    later = [*messages, say("assistant", "So."), say("user", "And?")]
    assert coordinator.compose(later, conversation="c", budget=30)[1].digest_tokens <= 30


@pytest.mark.parametrize("file", ["tau_bench_airline_dev.jsonl", "mt_bench_human_dev.jsonl"])
@pytest.mark.parametrize("ratio", [0.1, 0.5])
@pytest.mark.parametrize("minimum", [0, 1024])
def test_the_default_has_the_lowest_bill_on_real_conversations(file, ratio, minimum, bench):
    episodes = data(file)[:60]
    bills = {
        rewrite: bench.play(
            episodes, "recency", 128, Settings(rewrite=rewrite, price_cached=ratio, cache_minimum=minimum)
        )
        for rewrite in ("auto", "always", 3)
    }
    lowest = bills["auto"].billed_after
    assert lowest < 0.98 * bills["auto"].billed_before  # of the full context, with its own cache hits
    assert lowest <= bills["always"].billed_after and lowest <= bills[3].billed_after
    assert bills["auto"].after >= bills["always"].after  # though not the fewest tokens


def test_the_measurement_prints_every_mode(bench, capsys):
    data("tau_bench_airline_dev.jsonl")
    file = str(SHARED / "tau_bench_airline_dev.jsonl")
    bench.main([file, "--episodes", "3", "--policy", "recency", "--ratios", "0.1", "0.5"])
    printed = capsys.readouterr().out
    assert printed.count("full context") == 2 and all(printed.count(mode) == 2 for mode in bench.MODES)
    assert printed.count("last 5 exchanges") == 2 and printed.count("cleared") == 4


def test_what_people_do_without_a_digest(bench):
    messages = [say("system", "Rules.")]
    for i in range(7):
        messages += [say("user", f"Question {i}? {FILLER}"), call(f"t{i}"), result(f"t{i}"), say("assistant", "So.")]
    messages.append(say("user", "And now?"))
    last = bench.last_exchanges(messages)
    assert last[0] is messages[0] and [m["content"] for m in last if m["role"] == "user"] == [
        *(f"Question {i}? {FILLER}" for i in range(3, 7)),
        "And now?",
    ]
    assert bench.clearing(10**6)(messages) is messages
    left = bench.clearing(100)(messages)
    assert [m["content"] == bench.CLEARED for m in left if m["role"] == "tool"] == [True] * 4 + [False] * 3
    assert [m for m in left if m["role"] != "tool"] == [m for m in messages if m["role"] != "tool"]


def test_the_table_of_bills_is_the_measured_one(bench):
    """What docs/performance.md says follows from bench/cache.json."""
    page = (ROOT / "docs/performance.md").read_text()
    assert bench.filled(page, bench.table(json.loads((ROOT / "bench/cache.json").read_text()))) == page
