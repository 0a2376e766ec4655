"""What a model's provider charges for tokens: by the packaged table of prices (prices.yaml), by one of the user's own,
or by Settings."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import yaml
from annotated_types import Ge
from pydantic import TypeAdapter, ValidationError

from lrrc.middleware.settings import Settings
from lrrc.runtime.checked import Listed, allowed, checked, one_line, require

TABLE = "prices.yaml"
PACKAGED = "packaged"  # Settings.prices: the table that lies beside this module
MARK, HOUR = b'"cache_control"', re.compile(rb'"ttl"\s*:\s*"1h"')
MILLION = 1e6
Amount = Annotated[float, Ge(0), allowed("a number >= 0")]
Count = Annotated[int, Ge(0), allowed("an integer >= 0")]


@dataclass(frozen=True)
class Tariff:
    """Prices of tokens in a unit of their own: by a table, that of one fresh prompt token, of which a million costs
    `dollars`; by Settings, whatever is written there (`dollars` is None then).

    The first five are fields of Settings too, which say what they mean; `price_output` is the price of a token of the
    answer, None where it is not known. `name` says where the prices are from.
    """

    price_fresh: float
    price_cached: float
    price_write: float | None
    cache_minimum: int
    cache_lifetime: float
    price_output: float | None = None
    dollars: float | None = None
    name: str = "settings"

    def prompt_cost(self, fresh: float, cached: float, written: float) -> float:
        """Of prompt tokens that no cache had and none keeps, of those that one had, and of those written into it."""
        write = self.price_fresh if self.price_write is None else self.price_write
        return fresh * self.price_fresh + cached * self.price_cached + written * write

    def money(self, cost: float) -> float | None:
        """A cost in US dollars, where they are known."""
        return None if self.dollars is None else cost * self.dollars / MILLION


@checked
class Prices:
    """US dollars per million tokens, and the limits of the cache."""

    input: Amount
    cached: Amount
    output: Amount
    minimum: Count
    lifetime: Amount
    write: Amount | None = None

    def __post_init__(self) -> None:
        require(self.input > 0 and self.cached <= self.input, "cached", self.cached, "at most input, which is above 0")


@checked
class Marked:
    """Instead, of what is marked to stay for an hour."""

    write: Amount
    lifetime: Amount


@checked
class Row:
    """Prices of the models whose names fit one of the patterns. With `marked`, nothing is cached that has no mark."""

    provider: str
    models: Listed[str]
    prices: Prices
    marked: Marked | None = None

    def tariff(self, request: bytes) -> Tariff:
        """That of a request's body, whose marks for the cache count."""
        prices = self.prices
        write, lifetime, cached = prices.write, prices.lifetime, prices.cached
        if self.marked:
            if HOUR.search(request):
                write, lifetime = self.marked.write, self.marked.lifetime
            if request and MARK not in request:
                write, cached = None, prices.input
        unit = prices.input
        return Tariff(
            1.0,
            cached / unit,
            None if write is None else write / unit,
            prices.minimum,
            lifetime,
            prices.output / unit,
            unit,
            f"{self.provider} {self.models[0]}",
        )


@checked
class Table:
    """A file of prices; its head says what is in it."""

    date: datetime.date
    sources: Mapping[str, Listed[str]]
    rows: Listed[Row]

    def row(self, model: str) -> Row | None:
        """The first that fits the name, as it is or behind its last slash or a provider's name and a dot."""
        name = model.lower()
        names = {name, name.rsplit("/", 1)[-1], name.rsplit("anthropic.", 1)[-1]}
        return next((row for row in self.rows if any(fnmatchcase(n, p) for n in names for p in row.models)), None)


@cache
def table(path: str = PACKAGED) -> Table:
    """The packaged table, or a file's rows before its rows. Raises ValueError that names the file and the value."""
    packaged = files(__package__).joinpath(TABLE).read_text(encoding="utf-8")
    found = read_table(packaged, TABLE)
    if path == PACKAGED:
        return found
    own = read_table(Path(path).read_text(encoding="utf-8"), path)
    return replace(own, rows=(*own.rows, *found.rows), sources={**found.sources, **own.sources})


def read_table(text: str, where: str) -> Table:
    """Raises ValueError."""
    try:
        return TypeAdapter(Table).validate_python(yaml.safe_load(text))
    except ValidationError as error:
        raise ValueError(f"{where}: {one_line(error, Table)}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{where}: not YAML: {' '.join(str(error).split())[:200]}") from None


def tariff_of(settings: Settings, model: str | None = None, request: bytes = b"") -> Tariff:
    """The prices of a call to `model`: by the table that `settings.prices` names, where it has the model, else those of
    `settings`. `request` is its body, where there is one."""
    row = table(settings.prices).row(model) if settings.prices and model else None
    if row:
        return row.tariff(request)
    return Tariff(
        settings.price_fresh,
        settings.price_cached,
        settings.price_write,
        settings.cache_minimum,
        settings.cache_lifetime,
    )
