"""A hook of MkDocs: the documentation links to code, data and pages outside docs/, and the site is to stand by itself.

Pages of PAGES become pages of the site, below pages/; any other file that a link names is copied below files/. A link
to what is not there ends the build, as MkDocs' own check does for links inside docs/.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from posixpath import dirname, join, normpath, relpath

from mkdocs.structure.files import File, Files, InclusionLevel

log = logging.getLogger("mkdocs.hooks.site_links")
ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "report/summary.md", "proofs/README.md")
PAGES += ("data/embedded/DATA_CARD.md", "tests/README.md")
WORKER = "tools/site_worker.js"
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)")


def place(path: str) -> str:
    """Where a file of the repository stands in the site's sources."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"pages/{path}" if path in PAGES else f"files/{path}"


def origin(source: str) -> str:
    """The file of the repository behind a source of the site."""
    return source.split("/", 1)[1] if source.startswith(("pages/", "files/")) else f"docs/{source}"


def on_files(files: Files, config) -> Files:
    """Add the pages, and every file that some page names."""
    for path in PAGES:
        files.append(File.generated(config, place(path), content=(ROOT / path).read_text(encoding="utf-8")))
    files.append(File.generated(config, place(WORKER), abs_src_path=str(ROOT / WORKER)))
    for page in files.documentation_pages():
        for link in LINK.findall(page.content_string):
            path = _target(page.src_uri, link)
            if (ROOT / path).is_file() and not files.get_file_from_path(place(path)):
                copy = File.generated(config, place(path), abs_src_path=str(ROOT / path))
                copy.inclusion = InclusionLevel.NOT_IN_NAV
                files.append(copy)
    return files


def on_page_markdown(markdown: str, page, config, files) -> str:
    """The page with its links as the site has them."""

    def moved(match: re.Match) -> str:
        path = _target(page.file.src_uri, match[1])
        if not (ROOT / path).is_file():
            log.warning("%s links to %s, which is not there", origin(page.file.src_uri), match[1])
            return match[1]
        return relpath(place(path), dirname(page.file.src_uri) or ".")

    return LINK.sub(moved, markdown)


def on_post_page(output: str, page, config) -> str:
    """The page without what Material would fetch from the network."""
    own = relpath(place(WORKER), dirname(page.url) or ".")
    return output.replace("https://unpkg.com/iframe-worker/shim", own)


def _target(source: str, link: str) -> str:
    """The file of the repository that a link names; of a folder, what says what is in it."""
    path = normpath(join(dirname(origin(source)), link))
    inside = (f"{path}/{name}" for name in ("README.md", "__init__.py"))
    return next((file for file in inside if (ROOT / file).is_file()), path)
