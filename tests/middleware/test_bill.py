"""The bill as providers write it: the table of prices, caches that forget, usage in answers, and the ledger."""

import gzip
import json
import sqlite3
import stat
import time
from importlib.util import find_spec
from pathlib import Path

import httpx2
import openai
import pytest
import yaml
import zstandard
from helpers.chats import KEY, chat, say
from helpers.metered_upstream import Metered, events
from helpers.upstreams import running
from hypothesis import given
from hypothesis import strategies as st

from lrrc.middleware import Coordinator, Settings, conversation
from lrrc.middleware.conversation import HELD_OUT, drawn
from lrrc.middleware.prompt_cache import Bill
from lrrc.middleware.proxy import books
from lrrc.middleware.proxy.app import create_app
from lrrc.middleware.proxy.books import Books, Call, compared, student
from lrrc.middleware.proxy.ledger import Ledger
from lrrc.middleware.proxy.spans import Spans
from lrrc.middleware.proxy.usage import Usage, UsageReader, usage_of
from lrrc.middleware.tariff import PACKAGED, table, tariff_of
from lrrc.pretrained import tokens

TABLED = Settings(prices=PACKAGED)


def talk(turns):
    """A conversation that grows with `turns` at its end alone, no two sentences alike; the last question is open."""
    said = [say("system", "Answer briefly.")]
    for t in range(turns + 1):
        words = " ".join(f"Crate {t} {k} came by {k}{t} carts." for k in range(12))
        said += [say("user", f"Question {t}? {words}"), say("assistant", words.replace("Crate", "Box"))]
    return said[:-1]


MARKED, HOURLY = b'{"cache_control": {}}', b'{"cache_control": {"type": "ephemeral", "ttl": "1h"}}'


def test_the_table_agrees_with_litellm():
    """Every row with a plain name in LiteLLM's list has the same prices there."""
    (folder,) = find_spec("litellm").submodule_search_locations  # importing it would ask the network
    known = json.loads((Path(folder) / "model_prices_and_context_window_backup.json").read_text(encoding="utf-8"))
    found = 0
    for row in table().rows:
        models = {m for pattern in row.models for m in (pattern, pattern.rstrip("*")) if m in known}
        for model in models:
            theirs = known[model]
            assert table().row(model) is row, f"{model}: an earlier row takes it"
            for key, ours in (
                ("input_cost_per_token", row.prices.input),
                ("cache_read_input_token_cost", row.prices.cached),
                ("output_cost_per_token", row.prices.output),
                ("cache_creation_input_token_cost", row.prices.write),
                ("cache_creation_input_token_cost_above_1hr", row.marked and row.marked.write),
            ):
                if theirs.get(key):
                    assert ours == pytest.approx(1e6 * theirs[key]), f"{model}: {key}"
            found += 1
    assert found >= 30


def test_a_model_has_the_prices_of_its_row():
    gpt = tariff_of(TABLED, "gpt-5-2025-08-07")
    assert (gpt.price_cached, gpt.price_write, gpt.cache_minimum, gpt.dollars) == (0.1, None, 1024, 1.25)
    for name in ("claude-sonnet-4-5", "anthropic/claude-sonnet-4-5", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"):
        five, hour, bare = (tariff_of(TABLED, name, body) for body in (MARKED, HOURLY, b"{}"))
        assert (five.price_write, five.price_cached, five.cache_lifetime) == (1.25, pytest.approx(0.1), 300)
        assert (hour.price_write, hour.cache_lifetime) == (2, 3600)
        assert (bare.price_write, bare.price_cached) == (None, 1)  # nothing is cached that is not marked
    for name in ("gpt-5-pro", "my-model", "", None):
        assert tariff_of(TABLED, name).name == "settings"
    assert tariff_of(Settings(price_cached=0.5), "gpt-5").price_cached == 0.5  # no table asked for
    assert Bill(1000, 2000).cost(five) == pytest.approx(1250 + 200)
    assert Bill(800, 0).cost(five) == 800  # too short to be written into a cache


def test_a_table_of_ones_own_goes_first_and_its_mistakes_are_told(tmp_path):
    file = tmp_path / "prices.yaml"
    row = {"provider": "us", "models": ["gpt-5*"], "prices": {"input": 4, "cached": 2, "output": 8, "minimum": 0}}
    row["prices"]["lifetime"] = 60
    own = {"date": table().date, "sources": {"us": ["a letter"]}, "rows": [row]}
    file.write_text(yaml.safe_dump(own))
    settings = Settings(prices=str(file))
    assert tariff_of(settings, "gpt-5").price_cached == 0.5
    assert tariff_of(settings, "claude-sonnet-4-5", MARKED).price_write == 1.25
    for change, said in (
        ({"cached": 5}, "at most input"),
        ({"input": -1}, "input = -1"),
        ({"wrong": 1}, "wrong"),
        ({"minimum": 1.5}, "minimum = 1.5"),
    ):
        bad = tmp_path / f"{said[:3]}.yaml"
        bad.write_text(yaml.safe_dump(own | {"rows": [row | {"prices": row["prices"] | change}]}))
        with pytest.raises(ValueError, match=said) as told:
            table(str(bad))
        assert str(bad) in str(told.value) and "\n" not in str(told.value)
    bad.write_text("rows: [")
    with pytest.raises(ValueError, match="not YAML"):
        table.__wrapped__(str(bad))


def test_after_the_lifetime_a_rewrite_is_free_and_is_used(monkeypatch):
    """The cached prefix forbids a rewrite that it allows once the provider has forgotten it."""

    def play(pause):
        now = time.time()
        monkeypatch.setattr(conversation.time, "time", lambda: now)
        coordinator = Coordinator("recency", 600, Settings(cache_minimum=0, cache_lifetime=300))
        receipts = []
        for turns in range(1, 5):
            now += pause if turns == 4 else 10
            receipts.append(coordinator.compose(talk(turns), conversation="c")[1])
        return receipts

    soon, late = play(10), play(301)
    assert [r.action for r in soon[:-1]] == [r.action for r in late[:-1]]
    assert soon[-1].reason == "the cached prefix is cheaper" and soon[-1].reusable_tokens > 0
    assert late[-1].action == "rewritten" and late[-1].reason == "the cache has forgotten the prefix"
    assert late[-1].reusable_tokens == 0 and late[-1].billed_before == late[-1].tokens_before
    assert late[-1].tokens_after < soon[-1].tokens_after


def test_writing_dearer_than_reading_puts_a_rewrite_off():
    def rewrites(write):
        settings = Settings(cache_minimum=0, price_cached=0.1, price_write=write)
        coordinator = Coordinator("recency", 600, settings)
        composed = [coordinator.compose(talk(turns), conversation="c")[1] for turns in range(1, 25)]
        return sum(r.action == "rewritten" for r in composed)

    assert 0 < rewrites(2.0) < rewrites(None)


@given(st.text(), st.floats(0, 1))
def test_a_draw_is_the_same_for_ever_and_grows_with_the_share(key, share):
    assert drawn(key, share) == drawn(key, share)
    assert not drawn(key, 0) and drawn(key, 1)
    assert not drawn(key, share) or drawn(key, min(1, share + 0.1))


def test_the_share_held_out_is_the_one_asked_for():
    assert 380 < sum(drawn(f"ticket {i}", 0.05) for i in range(8000)) < 420
    coordinator = Coordinator("recency", 60, Settings(holdout=0.5, rewrite="always", keep_goal=False))
    receipts = [coordinator.compose(chat(9), conversation=f"ticket {i}")[1] for i in range(40)]
    held = [r for r in receipts if r.reason == HELD_OUT]
    assert 8 < len(held) < 32 and all(r.full for r in held)
    assert all(r.action == "rewritten" for r in receipts if r not in held)


CHAT = {"prompt_tokens": 90, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 50}}
WRITES = CHAT | {"prompt_tokens_details": {"cached_tokens": 50, "cache_write_tokens": 30}}
DEEPSEEK = {"prompt_tokens": 90, "prompt_cache_hit_tokens": 64, "completion_tokens": 7}
RESPONSES = {"input_tokens": 90, "input_tokens_details": {"cached_tokens": 50}, "output_tokens": 7}
ANTHROPIC = {"input_tokens": 5, "cache_read_input_tokens": 50, "cache_creation_input_tokens": 35, "output_tokens": 7}


@pytest.mark.parametrize(
    ("found", "read"),
    [
        (CHAT, Usage(90, 50, 0, 7)),
        (WRITES, Usage(90, 50, 30, 7)),
        (DEEPSEEK, Usage(90, 64, 0, 7)),
        (RESPONSES, Usage(90, 50, 0, 7)),
        (ANTHROPIC, Usage(90, 50, 35, 7)),
        ({"prompt_tokens": 9, "completion_tokens": None, "prompt_tokens_details": None}, Usage(9, 0, 0, 0)),
        ({"prompt_tokens": "9"}, Usage(0, 0, 0, 0)),
        ({"total": 9}, None),
    ],
)
def test_usage_is_read_in_every_form(found, read):
    assert usage_of(found) == read
    reader = UsageReader({"content-type": "application/json"})
    reader.feed(json.dumps({"choices": [{"text": '"usage": {"prompt_tokens": 1}'}], "usage": found}).encode())
    assert reader.usage() == read


STREAMS = {
    "chat": events({"choices": [{"delta": {"content": "a"}}], "usage": None}, {"choices": [], "usage": CHAT})
    + b"data: [DONE]\n\n",
    "messages": events(
        {"type": "message_start", "message": {"usage": ANTHROPIC | {"output_tokens": 1}}},
        {"type": "content_block_delta", "delta": {"text": 'the "usage": {} of words'}},
        {"type": "message_delta", "usage": {"output_tokens": 7, "input_tokens": None}},
        name="x",
    ),
    "responses": events(
        {"response": {"usage": None}}, {"type": "response.completed", "response": {"usage": RESPONSES}}
    ),
}


@pytest.mark.parametrize("form", STREAMS)
@pytest.mark.parametrize("encoding", ["", "gzip", "zstd", "unheard-of"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_usage_is_read_from_streams_in_whatever_pieces(form, encoding, size):
    pack = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}.get(encoding, bytes)
    body = pack(STREAMS[form])
    reader = UsageReader({"content-type": "text/event-stream; charset=utf-8", "content-encoding": encoding})
    for start in range(0, len(body), size):
        reader.feed(body[start : start + size])
    found = reader.usage()
    assert found is None if encoding == "unheard-of" else (found.prompt, found.cached, found.completion) == (90, 50, 7)


@given(st.lists(st.binary()), st.sampled_from(["", "gzip", "zstd"]), st.sampled_from(["event-stream", "json"]))
def test_no_answer_makes_reading_fail(chunks, encoding, kind):
    reader = UsageReader({"content-type": kind, "content-encoding": encoding})
    for chunk in chunks:
        reader.feed(chunk)
    reader.usage()


@pytest.fixture
def metered():
    upstream = Metered()
    with running(upstream.app) as address:
        yield upstream, address


def test_the_bill_is_the_providers_and_outlives_the_proxy(metered, tmp_path):
    upstream, address = metered
    file, coordinators = tmp_path / "kept" / "ledger.sqlite", []

    def serve(calls):
        ledger = Ledger(books=Books(file), spans=Spans(address))
        coordinators.append(coordinator := Coordinator("recency", 1500, Settings(prices=PACKAGED)))
        app = create_app(coordinator, {None: f"{address}/v1"}, ledger=ledger)
        with running(app) as proxy, openai.OpenAI(base_url=f"{proxy}/v1", api_key=KEY, max_retries=0) as client:
            for turns in calls:
                headers = {"x-lrrc-conversation": "the heliotrope ticket", "x-lrrc-agent": "clerk"}
                headers["traceparent"] = f"00-{'ab' * 16}-{'cd' * 8}-01"
                answer = client.chat.completions.create(
                    model="gpt-5", messages=talk(turns), extra_headers=headers, stream=turns % 2 == 0
                )
                if turns % 2 == 0:
                    list(answer)
            with pytest.raises(openai.InternalServerError):
                client.chat.completions.create(model="down", messages=chat(3))
            return httpx2.get(f"{proxy}/stats").json()["billed"]

    serve(range(1, 13))
    billed = serve(range(13, 25))
    rows = {row["model"]: row for row in billed["rows"]}
    row, said = rows["gpt-5"], upstream.bodies
    assert (row["agent"], row["calls"], row["measured"], row["unit"]) == ("clerk", 24, 24, "USD")
    assert row["prompt"] == sum(u["prompt_tokens"] for u in said) and row["completion"] == 24 * 11
    cached = sum(u["prompt_tokens_details"]["cached_tokens"] for u in said)
    assert row["cached"] == cached > 0
    spent = (1.25 * (row["prompt"] - cached) + 0.125 * cached) / 1e6
    assert row["spent"] == pytest.approx(spent, abs=1e-6) and row["answers"] == pytest.approx(24 * 11 * 10 / 1e6)
    assert row["tokens_for_one_of_ours"] == pytest.approx(1.2, abs=0.01)
    # what the whole prompts would have cost, by the same provider
    whole, before = 0.0, 0.0
    for turns in range(1, 25):
        size = 1.2 * sum(tokens.count(m["content"]) for m in talk(turns))
        had = before if before >= 1024 and turns != 13 else 0  # another proxy has not sent the last one
        whole += 1.25 * (size - had) + 0.125 * had
        before = size
    # but for the first calls, in which nothing was known of the provider's counts
    assert row["whole"] == pytest.approx(whole / 1e6, rel=0.05)
    assert coordinators[-1].prices("gpt-5").cache_minimum == pytest.approx(1024 / 1.2, abs=10)
    assert row["saved"] == pytest.approx(row["whole"] - row["spent"], abs=1e-6) and row["saved"] > 0.1 * row["whole"]
    down = rows["down"]
    assert (down["calls"], down["measured"], down["unit"], down["spent"], down["whole"]) == (2, 0, "tokens", 0, 0)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    held = b"".join(part.read_bytes() for part in file.parent.iterdir())
    assert b"heliotrope" not in held and b"Crate" not in held and b"clerk" in held

    spans = [span for body in upstream.spans for span in body["resourceSpans"][0]["scopeSpans"][0]["spans"]]
    assert len(spans) == 26 and "heliotrope" not in json.dumps(spans) and "Crate" not in json.dumps(spans)
    found = {a["key"]: next(iter(a["value"].values())) for a in spans[0]["attributes"]}
    assert (spans[0]["traceId"], spans[0]["parentSpanId"]) == ("ab" * 16, "cd" * 8)
    assert found["gen_ai.request.model"] == "gpt-5" and found["gen_ai.provider.name"] == "openai"
    assert found["gen_ai.usage.input_tokens"] == str(said[0]["prompt_tokens"]) and found["lrrc.action"] == "passed"
    assert next(s for s in spans if s["name"] == "chat down")["status"] == {"code": 2}


def entered(kept, receipt, **more):
    values = {"model": "m", "action": receipt.action, "status": "200", "usage": Usage(10, 0, 0, 3)} | more
    at = values.pop("at", time.time())
    kept.enter(Call(receipt=receipt, began=at - 1, at=at, **values))


def test_rows_go_after_a_set_time(tmp_path):
    receipt = Coordinator("recency", 60).compose(chat(3), conversation="c")[1]
    kept, now = Books(tmp_path / "a.sqlite", days=2), time.time()
    entered(kept, receipt, at=now - 3 * books.DAY)
    entered(kept, receipt, at=now - books.DAY)
    entered(kept, receipt, at=now)
    assert kept.summary()["total"]["calls"] == 2
    kept.close()
    temporary = Books()
    assert stat.S_IMODE(temporary.path.parent.stat().st_mode) == 0o700
    folder = temporary.path.parent
    del temporary
    assert not folder.exists()
    (tmp_path / "b.sqlite").write_text("no database " * 100)
    with pytest.raises(ValueError, match="no ledger can be kept here"):
        Books(tmp_path / "b.sqlite")
    with sqlite3.connect(tmp_path / "c.sqlite") as db:
        db.execute("CREATE TABLE calls (at REAL)")
    with pytest.raises(ValueError, match="another version"):
        Books(tmp_path / "c.sqlite")


def test_sides_are_compared_with_intervals():
    """Welch's interval, beside scipy's; conversations held out cost more here, as they send all."""
    import numpy as np
    from scipy.stats import t, ttest_ind

    rng = np.random.default_rng(3)
    shortened, whole = rng.gamma(2, 3, 40), rng.gamma(2, 5, 25)
    sides = [[len(x), *[x.sum(), (x * x).sum()] * 4] for x in (shortened, whole)]
    found = compared(*sides)["measures"]["bill"]
    interval = ttest_ind(shortened, whole, equal_var=False).confidence_interval(0.95)
    assert found["interval"] == pytest.approx([interval.low, interval.high], rel=1e-3)
    for freedom in (9, 20.5, 400):
        assert student(freedom) == pytest.approx(t.ppf(0.975, freedom), rel=3e-4)
    assert compared([9, *[1.0] * 8], sides[1])["measures"]["calls"]["interval"] is None

    coordinator, kept = Coordinator("recency", 60, Settings(holdout=0.3)), Books()
    assert kept.summary()["holdout"] is None
    for i in range(80):
        for turns in (2, 5 + i % 7):
            receipt = coordinator.compose(chat(turns), conversation=f"c {i}")[1]
            entered(kept, receipt, usage=Usage(receipt.tokens_after, 0, 0, 3), status="500" if i % 4 == 0 else "200")
    result = kept.summary()["holdout"]
    assert result["shortened"] + result["held_out"] == 80 and result["held_out"] >= 10
    measures = result["measures"]
    assert measures["bill"]["interval"][1] < 0 and measures["calls"]["difference"] == 0
    assert measures["completion"]["shortened"] == 6 and 0.1 < measures["errors"]["shortened"] < 0.45


def test_tools_are_excluded_by_pattern():
    messages = []
    for i in range(12):
        tool = "read_file" if i == 3 else "search"
        calls = [{"id": f"t{i}", "type": "function", "function": {"name": tool, "arguments": "{}"}}]
        messages += [say("user", f"Question {i}?"), say("assistant", None, tool_calls=calls)]
        messages += [say("tool", f"Result {i}. " * 60, tool_call_id=f"t{i}"), say("assistant", f"Answer {i}.")]
    messages.append(say("user", "And now?"))
    for names, stays in (((), False), (("read_*",), True), (("Read_*", "rea"), False), (("[rs]ead_?ile",), True)):
        settings = Settings(exclude_tools=names, rewrite="always")
        payload, _ = Coordinator("recency", 40, settings).compose(messages)
        assert (messages[14] in payload) == stays


def test_counts_that_no_tokenizer_has_move_no_limit_far():
    coordinator = Coordinator("recency", 600, Settings(cache_minimum=1000, prices=None))
    for scale, minimum in ((1e-6, 4000), (1e6, 250), (1.25, 800)):
        coordinator.scales["odd"] = scale
        assert coordinator.prices("odd").cache_minimum == minimum
