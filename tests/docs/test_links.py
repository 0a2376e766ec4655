"""Every link of the documentation leads somewhere, and the index names every page (`make site` checks anchors, too)."""

import re

import pytest
from helpers.paths import ROOT

PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *(ROOT / page for page in ("report/summary.md", "proofs/README.md"))]
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!\w+:|#)([^)\s#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_index_and_the_site_name_every_page():
    pages = {page.name for page in ROOT.glob("docs/*.md")} - {"index.md"}
    assert pages <= set(re.findall(r"\]\(([\w.]+)\)", (ROOT / "docs/index.md").read_text(encoding="utf-8")))
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [page for page in pages if not re.search(rf"[\[ ,]{re.escape(page)}[\],]", site)] == []
