"""Everything measured on one page: report/index.html (self-contained, offline) and report/summary.md."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from lrrc.proofs.theorems import NOT_CHECKED
from lrrc.report import headline
from lrrc.report.claims import VERDICTS, Evidence, judge, load_claims
from lrrc.report.explorer_section import last_turn
from lrrc.report.figures.figure_list import FIGURES, Figure, Measured, drawable, lead
from lrrc.report.figures.interactive import to_html
from lrrc.report.tables import replay_tables
from lrrc.report.verdicts import seen_in
from lrrc.report.verdicts import verdicts as answers
from lrrc.results.summary import Summary
from lrrc.results.training_curves import read_by_rank, read_histories

NOTHING_CHECKED = {"verdict": NOT_CHECKED, "checked_by": "", "reason": "", "theorems": []}


@dataclass(frozen=True)
class ReportInputs:
    """Files and folders that the report reads; only `proofs`, `team` and `data_card` may be missing."""

    summary: Path
    figures: Path
    models: Path
    claims: Path
    proofs: Path
    explore: Path
    team: Path
    data_card: Path


def build_report(
    sources: ReportInputs, rank: int, budget: int, ranks: list[int], runs: Mapping[str, str]
) -> tuple[str, str]:
    """(HTML, Markdown) of the report. Raises ValueError where an input is missing or wrong."""
    summary = Summary.load(sources.summary, rank, budget)
    proofs = read_proofs(sources.proofs)
    explore = read_explore(sources.explore)
    certificates = read_by_rank(sources.models, "certificate.json")
    by_rank: dict[int, list] = {}
    for (r, _), certificate in certificates.items():
        by_rank.setdefault(r, []).append(certificate)
    checked = {theorem["name"]: theorem["verdict"] for theorem in proofs["theorems"]}
    verdicts = judge(load_claims(sources.claims), Evidence(summary.at_budget(), checked, by_rank))
    counted = Counter(verdict.verdict for verdict in verdicts)
    words = {**runs, "success": success(summary)}
    context = {
        "rank": rank,
        "ours": f"LRRC r = {rank}",
        "budget": budget,
        "ranks": ranks,
        "runs": runs,
        "answers": answers(summary),
        "banner": headline.banner(summary),
        "cards": headline.cards(summary),
        "sentences": headline.sentences(summary),
        "tables": replay_tables.all_tables(summary),
        "verdicts": [(verdict, seen_in(verdict.claim.tests)) for verdict in verdicts],
        "counts": [(v, counted[v]) for v in VERDICTS if counted[v]],
        "proofs": proofs,
        "explore": explore,
        "opened": last_turn(explore),
        "team": json.loads(sources.team.read_text(encoding="utf-8")) if sources.team.is_file() else [],
        "certificate": certificate_rows(next(iter(by_rank.get(rank, [])), {})),
        "data_card": card_html(sources.data_card, summary.origin()["data"]),
        "lead": lead(summary),
        "paper": [key for key in drawable(summary) if FIGURES[key].of_paper],
        "more": [key for key in drawable(summary) if not FIGURES[key].of_paper and key != lead(summary)],
        "second": headline.further_sentences(summary),
        "figures": {
            key: with_image(picture, sources.figures / f"{key}.png", words)
            for key, picture in drawable(summary).items()
        },
        "plots": plots(summary, read_histories(sources.models)),
    }
    return render("report.html.j2", context), render("summary.md.j2", context)


def render(template: str, context: Mapping[str, Any]) -> str:
    """A template of this package; everything in HTML is escaped unless marked safe."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lrrc.report"),
        autoescape=lambda name: ".html" in (name or ""),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["csv_uri"] = lambda table: _data_uri("text/csv", table.csv().encode())
    environment.filters["cell"] = lambda text: text.replace("|", "\\|").replace("\n", " ")
    own = {
        "css": _read("report.css"),
        "js": _read("report.js"),
        "explorer": _read("explorer.js"),
        "plotly": _read("vendor/plotly-basic.min.js"),
    }
    return environment.get_template(template).render({**own, **context})


def _read(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


@dataclass(frozen=True)
class ShownFigure:
    """A figure on the page, with the names of its runs and its image filled in."""

    title: str
    caption: str
    command: str
    runs: str
    image: str


def success(summary: Summary) -> str:
    """What Figures 2 and 3 show of success."""
    if not summary.has("success"):
        return "Calls"
    return "Success on recorded outcomes" if summary.by_votes() is summary else "Success by people's votes"


def with_image(picture: Figure, path: Path, words: Mapping[str, str]) -> ShownFigure:
    """A figure; `words` are what its caption and runs leave open. Raises ValueError where the image is missing."""
    if not path.is_file():
        raise ValueError(f"{path}: missing; `dvc repro figures` makes it")
    image = _data_uri("image/png", small_png(path))
    caption, runs = picture.caption.format(**words), picture.runs.format(**words)
    return ShownFigure(picture.title, caption, picture.command, runs, image)


def small_png(path: Path) -> bytes:
    """A drawing in the 128 colours that it has most of: a third of its bytes, and looks the same."""
    from PIL import Image

    out = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def plots(summary: Summary, histories: Mapping) -> dict[str, str]:
    """Figures that show their numbers when a point is hovered or tapped."""
    measured = Measured(summary, histories, {})  # no figure with points shows a checkpoint
    return {
        key: to_html(figure.plot(measured), f"plot-{key}") for key, figure in drawable(summary).items() if figure.plot
    }


def read_proofs(path: Path) -> dict[str, Any]:
    """results/proofs.json; where it is missing the proofs are "not checked", never proved."""
    if not path.is_file():
        return NOTHING_CHECKED
    proofs = json.loads(path.read_text(encoding="utf-8"))
    return {**NOTHING_CHECKED, **proofs}


def read_explore(path: Path) -> dict[str, Any]:
    """results/explore.json. Raises ValueError where it is missing."""
    if not path.is_file():
        raise ValueError(f"{path}: missing; `dvc repro explore` makes it")
    return json.loads(path.read_text(encoding="utf-8"))


def card_html(path: Path, data: str) -> Markup:
    """The card of the embedded data as HTML; HTML inside it stays text. Other data have none."""
    from markdown_it import MarkdownIt

    if data != "embedded" or not path.is_file():
        return Markup("<p>This data set has no card.</p>")
    text = path.read_text(encoding="utf-8")
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = markdown.parse(text)
    for token in tokens:
        if token.type.startswith("heading"):  # below the section of the page
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    html = markdown.renderer.render(tokens, markdown.options, {})
    return Markup(
        html.replace("<table>", '<div class="scroll"><table class="prose">').replace("</table>", "</table></div>")
    )


def certificate_rows(certificate: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a certificate says of all its fits: names in words, numbers short, theorems by name."""
    shown = {key: value for key, value in certificate.items() if key != "fits"}
    if "theorems" in shown:
        shown["theorems"] = ", ".join(theorem["name"] for theorem in shown["theorems"])
    return [
        (key.replace("_", " "), f"{value:.6g}" if isinstance(value, float) else str(value))
        for key, value in sorted(shown.items())
    ]
