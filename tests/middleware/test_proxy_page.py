"""The proxy's page in a real browser: what it shows of live conversations, and that their text stays text."""

import os
import re
import shutil

import openai
import pytest
from helpers.browser import BINARIES, chromium
from helpers.metered_upstream import Metered
from helpers.upstreams import Upstream, running

from lrrc.middleware import Coordinator, Settings
from lrrc.middleware.proxy.app import create_app
from lrrc.middleware.tariff import PACKAGED

pytestmark = pytest.mark.skipif(
    not (os.environ.get("CHROMIUM") or any(map(shutil.which, BINARIES))),
    reason="needs a browser: apt-get install chromium, or set CHROMIUM to its path",
)
TOKEN = "open/sesame&?"
ATTACK = "<script>document.title = 'broken in'</script><img src=x onerror=\"document.title = 'broken in'\">"
HISTORY = [
    {"role": "user", "content": "The code word for the vault is heliotrope 🌻. " + "The sky was grey. " * 30},
    {"role": "assistant", "name": "planner", "content": f"Noted {ATTACK}. " + "More of it follows tomorrow. " * 30},
    {"role": "assistant", "name": "critic", "content": "The vault is far away. " + "Lentils simmer for long. " * 30},
    {"role": "user", "content": "What was the code word for the vault?"},
]


@pytest.fixture(scope="module")
def proxy():
    upstream = Upstream()
    coordinator = Coordinator("bm25", 48, Settings(rewrite="always", keep_goal=False))
    with (
        running(upstream.app) as direct,
        running(create_app(coordinator, {None: f"{direct}/v1"}, token=TOKEN)) as proxy,
        openai.OpenAI(base_url=f"{proxy}/v1", api_key="k", default_headers={"x-lrrc-token": TOKEN}) as client,
    ):
        proxy_calls(client)
        yield proxy, client


def proxy_calls(client):
    for agent in ("planner", "critic"):
        headers = {"x-lrrc-conversation": f"ticket {ATTACK}", "x-lrrc-agent": agent}
        client.chat.completions.create(model="words", messages=HISTORY, extra_headers=headers)


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser):
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.troubles = []
        page.on("console", lambda message: page.troubles.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        yield page


def test_a_conversation_can_be_watched_and_traced(proxy, page):
    address, client = proxy
    page.goto(f"{address}/?token=open%2Fsesame%26%3F")
    row = page.locator("#conversations tbody tr")
    row.wait_for()
    cells = row.locator("td").all_inner_texts()
    assert cells[0] == f"ticket {ATTACK}" and cells[1] == "planner, critic" and cells[2] == "2"
    before, after = (int(text.replace(",", "")) for text in cells[3:5])
    assert before > 4 * after and f"{round(100 * (before - after) / before)} %" in cells[5]
    row.get_by_role("button").click()
    digest = page.locator("#digest a")
    line = digest.filter(has_text="heliotrope")
    line.wait_for()
    assert "user: The code word for the vault is heliotrope 🌻." in line.inner_text()
    source = page.locator(line.get_attribute("href"))
    assert source.inner_text().startswith("1. user")
    assert source.locator("mark", has_text="heliotrope 🌻").count() == 1
    for link in digest.all():  # every line's text is what is marked in its source
        marks = page.locator(f"{link.get_attribute('href')} mark").all_inner_texts()
        assert link.inner_text().split(": ", 1)[1] == " ".join(marks)
    page.evaluate("document.querySelector('#history').scrollTo(0, 1e6)")
    line.click()
    assert source.evaluate("e => { const b = e.getBoundingClientRect(); return b.bottom > 0 && b.top < innerHeight; }")
    assert "sent whole, in one message with others" in page.locator("#source-3").inner_text()
    headers = {"x-lrrc-conversation": f"ticket {ATTACK}"}
    client.chat.completions.create(model="words", messages=HISTORY, extra_headers=headers)
    page.locator("#calls tbody tr").nth(2).wait_for()  # a new call shows by itself
    assert page.title() == "LRRC proxy" and page.locator("#history img, #history script").count() == 0
    assert page.troubles == []


def test_the_totals_are_those_of_the_statistics(proxy, page):
    address, _ = proxy
    page.goto(f"{address}/?token=open%2Fsesame%26%3F")
    page.locator(".card").first.wait_for()
    now = page.evaluate("fetch('/stats', {headers: {'x-lrrc-token': 'open/sesame&?'}}).then(r => r.json())")
    cards = page.locator(".card").all_inner_texts()
    assert f"{now['tokens']['before']:,}" in cards[0] and f"{now['tokens']['after']:,}" in cards[1]
    assert re.search(r"(\d+) %", cards[2])[1] == str(round(100 * now["tokens"]["saved"] / now["tokens"]["before"]))
    about = "Policy bm25, digests of at most 48 tokens, up to 50 % of them the user's standing rules"
    assert about in page.locator("#about").inner_text()


def test_a_refused_prompt_is_shown(proxy, page):
    address, client = proxy
    headers = {"x-lrrc-conversation": "refused"}
    client.chat.completions.create(model="strict-422", messages=HISTORY, extra_headers=headers)
    page.goto(f"{address}/?token=open%2Fsesame%26%3F")
    page.locator(".card").first.wait_for()
    assert "refused: the upstream answered 422 to the shortened prompt" in page.locator("#about").inner_text()
    assert re.search(r"\b1 sent on untouched", " ".join(page.locator(".card").all_inner_texts()))


def test_a_narrow_screen_shows_all_without_scrolling_sideways(proxy, page):
    address, _ = proxy
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{address}/?token=open%2Fsesame%26%3F")
    page.locator("#conversations button").click()
    page.locator("#digest a").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_wrong_token_shows_no_page(proxy, page):
    address, _ = proxy
    assert page.goto(f"{address}/?token=wrong").status == 401


def test_the_bill_and_what_was_held_out_are_shown(page):
    upstream, messages = Metered(), HISTORY[:3]
    coordinator = Coordinator("bm25", 48, Settings(rewrite="always", keep_goal=False, holdout=0.4, prices=PACKAGED))
    with (
        running(upstream.app) as direct,
        running(create_app(coordinator, {None: f"{direct}/v1"})) as proxy,
        openai.OpenAI(base_url=f"{proxy}/v1", api_key="k") as client,
    ):
        for i in range(48):
            model = ("gpt-5", "a-model-of-our-own")[i % 7 == 0]
            for question in ("Where is it?", "Where is the vault?")[: 1 + i % 2]:
                said = [*messages, {"role": "user", "content": f"{question} {ATTACK}"}]
                headers = {"x-lrrc-conversation": f"ticket {i}"}
                client.chat.completions.create(model=model, messages=said, extra_headers=headers)
        page.goto(proxy)
        rows = page.locator("#bills tbody tr")
        rows.nth(1).wait_for()
        page.locator("#measures tbody tr").nth(3).wait_for()
        cells = {row.split("\t")[1]: row.split("\t") for row in rows.all_inner_texts()}
        known, own = cells["gpt-5"], cells["a-model-of-our-own"]
        billed = page.evaluate("fetch('/stats').then(r => r.json())")["billed"]
        row = next(r for r in billed["rows"] if r["model"] == "gpt-5")
        assert known[2] == f"{row['calls']}" and known[3] == f"{row['prompt']:,}" and known[6].startswith("$0.0")
        assert "Saved, as billed" not in " ".join(page.locator(".card").all_inner_texts())  # of unlike units
        share = round(100 * row["saved"] / row["whole"])
        assert known[8].endswith(f"({share} %)") and share > 20 and "$" not in own[6]
        assert "Without $" in page.locator("#since").inner_text()
        sides = page.locator("#sides").inner_text()
        held = billed["holdout"]
        assert f"{held['shortened']} conversations were shortened, {held['held_out']} drawn" in sides
        measures = {row.split("\t")[0]: row.split("\t") for row in page.locator("#measures tbody tr").all_inner_texts()}
        assert list(measures) == ["bill", "tokens of answers", "calls", "share of calls that failed"]
        assert " to " in measures["bill"][4] and measures["calls"][1].startswith("1.")
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if folder := os.environ.get("SCREENSHOTS"):
            page.set_viewport_size({"width": 1280, "height": 900})
            page.screenshot(path=f"{folder}/proxy-bill.png", full_page=True)
    assert page.troubles == []


def test_one_unit_has_a_sum(page):
    coordinator = Coordinator("bm25", 48, Settings(rewrite="always", keep_goal=False, prices=PACKAGED))
    with (
        running(Metered().app) as direct,
        running(create_app(coordinator, {None: f"{direct}/v1"})) as proxy,
        openai.OpenAI(base_url=f"{proxy}/v1", api_key="k") as client,
    ):
        client.chat.completions.create(model="gpt-5", messages=[{**m, "name": "n"} for m in HISTORY])
        page.goto(proxy)
        card = page.locator(".card", has_text="Saved, as billed")
        card.wait_for()
        total = page.evaluate("fetch('/stats').then(r => r.json())")["billed"]["total"]
        assert f"${total['saved']:.4f}" in card.inner_text()
        assert f"{round(100 * total['saved'] / total['whole'])} % of" in card.inner_text()
    assert page.troubles == []
