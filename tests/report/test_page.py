"""The report: self-contained, escaped, the same bytes twice, and in a real browser at two widths."""

import base64
import copy
import csv
import io
import json
import re

import pytest
from helpers import made_up_results as synthetic
from helpers.browser import chromium
from helpers.made_up_results import write_stage_outputs
from helpers.paths import ROOT

from lrrc.params import load_params
from lrrc.policies.run_items import fitted_runs
from lrrc.report import headline
from lrrc.report.figures.architecture import SHAPES, architecture
from lrrc.report.figures.figure_list import FIGURES
from lrrc.report.figures.style import save_figure
from lrrc.report.page import ReportInputs, build_report
from lrrc.report.verdicts import verdicts
from lrrc.results.summary import Summary
from lrrc.runtime.files import canonical_json, write_json

RUNS = fitted_runs(load_params(ROOT / "params.yaml"))
DRAWN = [name for name, figure in FIGURES.items() if figure.plot]  # figures with points to touch
EVIL = "<script>document.title='owned'</script>"


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    root = tmp_path_factory.mktemp("run")
    write_stage_outputs(root, 2)
    summary = copy.deepcopy(synthetic.summary().content())
    for record in summary["records"]:  # text from data that must not become HTML
        if record["evaluation"] == "by-category":
            record["variant"] += EVIL
    (root / "results/summary.json").write_text(canonical_json(summary), encoding="utf-8")
    (root / "results/figures").mkdir()
    save_figure(architecture(dict.fromkeys(SHAPES, 8)), root / "results/figures/figure1")
    for name in FIGURES:  # what they show is tested in test_plots
        (root / f"results/figures/{name}.png").write_bytes((root / "results/figures/figure1.png").read_bytes())
    (root / "card.md").write_text(f"# Card\n\n{EVIL}\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n", encoding="utf-8")
    claims = root / "claims.yaml"
    claims.write_text(
        f"- id: one\n  section: '1'\n  quote: \"{EVIL}\"\n  rule: more than nothing\n"
        "  tests: [{metric: token_reduction_vs_full, policy: lrrc, rank: 8, above: 0}]\n",
        encoding="utf-8",
    )
    write_json(root / "results/explore.json", synthetic.explored(f"🙂 {EVIL} <!--"))
    write_json(root / "results/team.json", synthetic.team_shown(f"{EVIL} </details>"))
    return ReportInputs(
        root / "results/summary.json",
        root / "results/figures",
        root / "models",
        claims,
        root / "results/proofs.json",
        root / "results/explore.json",
        root / "results/team.json",
        root / "card.md",
    )


@pytest.fixture(scope="module")
def pages(sources):
    return build_report(sources, 8, 128, [4, 8, 16, 32], RUNS)


def test_same_bytes_twice(sources, pages):
    assert build_report(sources, 8, 128, [4, 8, 16, 32], RUNS) == pages


def test_small_enough_to_commit_and_the_bundle_is_of_the_plotly_that_draws(pages):
    from plotly.offline import get_plotlyjs_version

    drawn = re.sub(r"data:image/png;base64,[^\"]+", "", pages[0])  # figure 1, the largest, stands for all here
    assert len(drawn.encode()) < 1_700_000
    assert f"plotly.js (basic - minified) v{get_plotlyjs_version()}" in pages[0]


def test_the_committed_report_travels_by_mail():
    assert (ROOT / "report/index.html").stat().st_size < 3_000_000


def test_rows_of_a_committed_figure_are_of_the_same_episodes():
    counted: dict[str, set[int]] = {}
    params = load_params(ROOT / "params.yaml")
    for record in Summary.load(ROOT / "results/summary.json", params.rank, params.budget).records:
        counted.setdefault(record["evaluation"], set()).add(record["n"])
    drawn = ("replay", "call-gate", "live", "live-curve", "live-ablation", "fidelity", "votes")
    assert {name: len(counted[name]) for name in drawn} == dict.fromkeys(drawn, 1)


def test_every_verdict_leads_to_what_it_rests_on(sources, pages):
    answers = re.findall(r'<section class="answer".*?</section>', pages[0], re.S)
    assert len(answers) == len(verdicts(Summary.load(sources.summary, 8, 128))) > 3
    anchors = [re.search('href="#([^"]+)"', answer)[1] for answer in answers]
    anchors += re.findall('<a href="#([^"]+)">What it looks at', pages[0])
    assert [anchor for anchor in anchors if f'id="{anchor}"' not in pages[0]] == []
    assert pages[0].index('id="verdicts"') < pages[0].index('id="headline"')


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_the_paper_in_both_schemes(browser, page_file, scheme):
    page = browser.new_page(color_scheme=scheme)
    page.goto(page_file.as_uri())
    ink, paper = page.evaluate(
        """() => ["color", "backgroundColor"].map(key => getComputedStyle(document.body)[key].match(/[0-9]+/g)
            .slice(0, 3).reduce((sum, x) => sum + Number(x) / 3, 0))"""
    )
    assert (paper - ink > 150) if scheme == "light" else (ink - paper > 150)
    page.close()


def test_text_from_data_is_escaped(pages):
    html = pages[0]
    assert EVIL not in html
    assert html.count("&lt;script&gt;document.title") >= 3  # subgroup, claim, data card
    assert "¬∀ x &lt;d&gt;" in html


def test_headline_numbers_are_those_of_the_summary(sources, pages):
    summary = Summary.load(sources.summary, 8, 128)
    at = {"policy": "lrrc", "rank": 8}
    for text in pages:
        assert f"{summary.value('tokens_per_episode', evaluation='replay', **at):,.0f} tokens" in text
        assert f"{100 * summary.value('preference_success', evaluation='replay', **at):.1f} %" in text
    gap = summary.value("live_success_difference_vs_full", evaluation="live", budget=128, **at)
    assert f"<b>{gap:+.1f} points</b>" in pages[0]
    assert "judged by a program" in pages[0] and "No human voted" in pages[1]


def test_figures_and_tables_name_the_runs_behind_them(pages):
    captions = re.findall(r"<figcaption>.*?</figcaption>", pages[0])
    assert len(captions) == len(FIGURES) and all("Command: <code>dvc repro" in c for c in captions)
    named = {re.search("<b>(.*?)[.]</b>", caption)[1]: caption for caption in captions}
    assert f"MLflow runs: figures, {RUNS['default']}." in named["Figure 1"]
    assert RUNS["baselines"] in named["Figure 2"] and RUNS["ranks"] in named["Figure 4"]
    assert RUNS["ablations"] in named["Ablations, live"]
    assert RUNS["default"] == "train-r8-s0" and "full-context," in RUNS["baselines"]


def test_best_other_policy_succeeds_most(sources):
    summary = Summary.load(sources.summary, 8, 128)
    best = headline.best_other(summary)
    rivals = [
        r["value"]
        for r in summary.find(evaluation="replay", metric="preference_success")
        if r["policy"] not in ("lrrc", "full-context", "random-pick", "longer-answer")
    ]
    assert best["value"] == max(rivals)


def test_the_gate_is_told_of_apart_and_of_the_rival_alike(sources):
    summary = Summary.load(sources.summary, 8, 128)
    (told,) = [said for said in headline.further_sentences(summary) if "The call gate" in said]
    for policy in ("lrrc", headline.best_other(summary)["policy"]):
        where = {"evaluation": "ablation", "variant": "call-gate-on", "policy": policy}
        found = summary.find(metric="call_reduction_vs_full", **where)
        assert all(f"{r['value']:.1f} % ({r['low']:.1f}" in told for r in found)
    assert (
        f"{summary.value('call_reduction_vs_full', evaluation='ablation', policy='lrrc', variant='call-gate-on'):.1f}"
        in told
    )


def test_live_success_leads_and_says_what_it_is(sources, pages):
    summary = Summary.load(sources.summary, 8, 128)
    told = headline.sentences(summary)
    while not told[0].startswith("Live,"):  # what people's votes say comes first
        told.pop(0)
    assert (
        told[0].startswith("Live, SmolLM2-135M-Instruct answers 54.0 %") and "from the full history (3,900)" in told[0]
    )
    assert "The best rule is BM25 with 47.0 %" in told[1] and "+3.0 points from it (+1.0 to +5.0): higher" in told[1]
    assert "The best learned rival is RIMs-only" in told[1] and "LRRC's 1,500 tokens per episode" in told[1]
    assert "27.0 %" in told[2] and "74.0 %" in told[2] and "as no policy can" in told[2]
    assert told[3].startswith("By another reader, gemma-3-270m, on 102 episodes") and "74.0 % from digests" in told[3]
    assert "+13.0 points (+9.5 to +16.5): higher than Full-Context" in told[3]
    assert told[4].startswith("Checks of standing rules") and "LRRC r = 8 54 %" in told[4]
    second = headline.further_sentences(summary)
    assert second[0].startswith("Over the logged episodes LRRC at rank 8 uses")
    fidelity, elsewhere, _ = second[-3:]  # kinds left out come last
    assert "tau-bench airline logs: +0.095" in fidelity and "Embedding retrieval +0.140" in fidelity
    moved = "tau-bench airline logs: -0.050 [-0.070, -0.030] against BM25, the best rule, -0.040 [-0.060, -0.020]"
    assert moved in elsewhere
    card = headline.cards(summary)[0]
    assert card.value == "48.1 %" and card.note == "95 % interval 47.1 to 49.1 % saved; 2,024 against 3,900 per episode"
    assert "answers the checks of 408 held-out episodes" in headline.banner(summary)
    assert pages[0].index('id="live_curves"') < pages[0].index('id="figure1"') < pages[0].index('id="pareto"')
    assert "results/figures/live_curves.png" in pages[1] and "is left out" not in pages[1]


def test_replay_leads_where_nothing_was_live(sources, tmp_path):
    html, markdown = build_without(sources, tmp_path, *EVALUATED)
    for title in ("Live success", "Fidelity", "The curve of the call"):
        assert f"{title}" in markdown and re.search(rf"{title}[^.]* is left out: no ", html)
    assert "pareto.png" in markdown and "live_pareto" not in html and "SmolLM2" not in html.split('id="explore"')[0]
    assert markdown.count("| Policy | 32 tokens") == 0


def test_logs_without_outcomes_have_tokens_and_calls(sources, tmp_path):
    html, markdown = build_without(sources, tmp_path, "success", *EVALUATED)
    assert "Preference success is left out: no episode has a recorded outcome to predict." in html
    assert "there are tokens and calls, but no success" in markdown
    assert not re.search(r"Success, %|Validation agreement|points", markdown.split("**The paper's claims**")[0])
    assert "Tokens saved, %" in markdown and "Calls / episode" in markdown and "tokens per episode" in markdown
    assert 'id="pareto"' not in html and "pareto.png" not in markdown and 'id="figure2"' in html
    verdicts = dict(re.findall(r"\| [^|]+ \| (“?[^|]+) \| (reproduced|not [a-z ]+) \|", markdown))
    assert verdicts  # the claim about tokens is still tested


EVALUATED = ("votes", "live", "live-ablation", "live-by-category", "fidelity", "transfer", "kinds", "team", "call-gate")


def build_without(sources, folder, *parts):
    write_json(folder / "summary.json", synthetic.without(*parts).content())
    return build_report(
        ReportInputs(**{**vars(sources), "summary": folder / "summary.json"}), 8, 128, [4, 8, 16, 32], RUNS
    )


def test_csv_downloads_hold_unrounded_numbers(sources, pages):
    found = re.search(r'download="policies.csv" href="data:text/csv;base64,([^"]+)"', pages[0])
    rows = list(csv.DictReader(io.StringIO(base64.b64decode(found[1]).decode())))
    lrrc = next(row for row in rows if row["Policy"] == "LRRC r = 8")
    summary = Summary.load(sources.summary, 8, 128)
    assert float(lrrc["Tokens saved, %"]) == summary.value(
        "token_reduction_vs_full", evaluation="replay", policy="lrrc", rank=8
    )
    assert float(lrrc["Tokens saved, % low"]) < float(lrrc["Tokens saved, %"])


def test_nothing_checked_is_shown_as_such(sources, pages):
    assert ">proved</b>" in pages[0]
    gone = ReportInputs(**{**vars(sources), "proofs": sources.proofs.with_name("none.json")})
    html, markdown = build_report(gone, 8, 128, [8], RUNS)
    assert ">not checked</b>" in html and "proved" not in markdown


def test_missing_figure_says_what_makes_it(sources, tmp_path):
    with pytest.raises(ValueError, match="dvc repro figures"):
        build_report(ReportInputs(**{**vars(sources), "figures": tmp_path}), 8, 128, [8], RUNS)


@pytest.fixture(scope="module")
def page_file(pages, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "index.html"
    path.write_text(pages[0], encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser(browser, page_file, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(120_000)  # the machine may be busy
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    for name in DRAWN:
        page.wait_for_selector(f"#plot-{name} .main-svg")
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [page_file.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = """() => [...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll, svg, pre")
        && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"""
    assert page.evaluate(outside) == []
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    assert page.title() == "LRRC: what was measured"  # the data's <script> did not run
    _sorting(page)
    _hovering(page)
    _exploring(page)
    page.emulate_media(media="print")
    assert page.is_visible("#pareto img.print-only") and not page.is_visible("#plot-pareto")
    assert said == []
    page.close()


def _sorting(page):
    rows = "#table-policies + .scroll tbody tr"
    header = page.locator("#table-policies + .scroll th button", has_text="Tokens / episode")

    def shown():
        return page.eval_on_selector_all(rows, "rs => rs.map(r => r.cells[1].dataset.value)")

    header.click()
    up = [float(v) for v in shown() if v]
    assert up == sorted(up) and shown()[-1] == "" and len(up) == 9
    header.click()
    assert [float(v) for v in shown() if v] == sorted(up, reverse=True)
    every = """() => [...document.querySelectorAll("table")].filter(t => !t.closest("#explorer, .asked")).map(t => [
        [...t.querySelectorAll("thead th")].every(th => th.querySelector("button")?.offsetParent),
        (t.closest(".scroll") ?? t).nextElementSibling.querySelector("a.download").href.slice(0, 13)])"""
    assert len(page.evaluate(every)) > 15  # claims, theorems, certificate and data card too
    assert all(sorts and link == "data:text/csv" for sorts, link in page.evaluate(every))


def _hovering(page):
    for name in DRAWN:  # with a real pointer, on the first point of every trace
        points = page.locator(f"#plot-{name} .points").all()
        assert points
        for trace in points:
            place = trace.locator(".point").first
            place.scroll_into_view_if_needed()
            box = place.bounding_box()
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=2)
            page.wait_for_selector(f"#plot-{name} .hoverlayer .hovertext")
            assert re.search(r"\d", page.text_content(f"#plot-{name} .hoverlayer"))
    page.evaluate("Plotly.Fx.hover('plot-live_pareto', [{curveNumber: 0, pointNumber: 1}])")
    page.wait_for_selector("#plot-live_pareto .hoverlayer text")
    text = page.text_content("#plot-live_pareto .hoverlayer")
    assert "LRRC r = 8, budget 64" in text and "tokens" in text and "% of checks right" in text


def _exploring(page):
    """Every policy in every turn: what is said to be sent is what is marked, and the keyboard gets there."""
    marked = "es => es.map(e => e.textContent)"
    page.get_by_label("Episode", exact=True).select_option(index=1)
    for step in range(3):
        for radio in page.locator("#explorer [type=radio]").all():
            radio.check()
            sent = page.eval_on_selector_all("#explorer .sent a", marked)
            assert sent == page.eval_on_selector_all("#explorer mark", marked)
            assert bool(sent) == (step < 2)  # before the first turn there is no history
        if step < 2:
            page.get_by_role("button", name="Earlier").press("Enter")
    assert page.get_by_role("button", name="Earlier").is_disabled()
    page.get_by_role("button", name="Later").click()
    assert page.text_content("#explorer output") == "Turn 2 of 3"
    assert page.locator("#explorer mark", has_text="🙂").count()
    page.locator("#explorer [type=radio]").first.focus()
    page.keyboard.press("Space")
    assert page.locator("#explorer td.on").count() and page.evaluate("document.activeElement.type") == "radio"


def test_explorer_without_javascript(browser, page_file):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert "turn 3; tokens sent" in page.text_content("#explorer") and page.locator("#explorer mark").count()
    context.close()


def test_plot_data_are_the_records(sources, pages):
    summary = Summary.load(sources.summary, 8, 128)
    for name, metric, where in (
        ("pareto", "tokens_per_episode", {"evaluation": "replay", "policy": "lrrc", "rank": 8}),
        ("live_pareto", "live_tokens_per_episode", {"policy": "lrrc", "rank": 8, "evaluation": "live-shared"}),
    ):
        drawn = re.search(rf'Plotly\.newPlot\(\s*"plot-{name}",\s*(\[.*?\]),\s*\{{', pages[0], re.DOTALL)[1]
        assert json.loads(drawn)[0]["x"] == [r["value"] for r in summary.find(metric=metric, **where)]
