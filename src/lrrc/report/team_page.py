"""Episodes of the team arena on a page: who was called and why, what each was sent, what was answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

TEMPLATE = "team.html.j2"


def episodes_page(shown: Sequence[Mapping[str, Any]]) -> str:
    """The page, in HTML."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lrrc.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template(TEMPLATE).render(episodes=shown)
