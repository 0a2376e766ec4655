"""A table for people: one definition for CSV, Markdown, the report and Figure 5."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lrrc.results.summary import Summary, provenance

Cell = str | float | int | None


@dataclass(frozen=True)
class Column:
    """A header, and how to show a value.

    `shows` is a format, "p" for a p-value, or "low" and "high" for the ends of the interval of the column
    before, which are shown in its cell.
    """

    header: str
    shows: str = ""

    def text(self, cell: Cell) -> str:
        if cell is None:
            return "–"
        if self.shows == "p":
            return "< 0.001" if cell < 0.001 else f"{cell:.3f}"
        return format(cell, self.shows) if not isinstance(cell, str) else cell


class Shown(NamedTuple):
    """A cell as text, and the value it stands for."""

    text: str
    value: Cell


@dataclass(frozen=True)
class Table:
    """A named table; numbers stay numbers until shown."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def shown(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows as people read them, intervals beside their value."""
        keep = [i for i, column in enumerate(self.columns) if column.shows not in ("low", "high")]
        return [self.columns[i].header for i in keep], [[self._text(row, i) for i in keep] for row in self.rows]

    def cells(self) -> list[list[Shown]]:
        """Rows as people read them, with the number to sort by."""
        keep = [i for i, column in enumerate(self.columns) if column.shows not in ("low", "high")]
        return [[Shown(self._text(row, i), "" if row[i] is None else row[i]) for i in keep] for row in self.rows]

    def _text(self, row: Sequence[Cell], i: int) -> str:
        text = self.columns[i].text(row[i])
        if i + 2 < len(row) and self.columns[i + 1].shows == "low" and row[i + 1] is not None:
            low, high = (format(end, self.columns[i].shows) for end in row[i + 1 : i + 3])
            return f"{text} [{low}, {high}]"
        return text

    def csv(self) -> str:
        """Comma-separated text with unrounded numbers, every end of an interval in a column of its own."""
        header = [column.header for column in self.columns]
        for i, column in enumerate(self.columns):
            if column.shows in ("low", "high"):
                header[i] = f"{self.columns[i - 1 - (column.shows == 'high')].header} {column.shows}"
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([header, *self.rows])
        return out.getvalue()

    def markdown(self) -> str:
        """A GitHub table with its title and note."""
        header, rows = self.shown()
        lines = [header, ["---"] * len(header), *rows]
        body = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
        return f"**{self.title}**\n\n{body}\n" + (f"\n{self.note}\n" if self.note else "")


NAMED = ("evaluation", "data", "policy", "rank", "budget", "variant")  # what the cells of a row have in common


def row(summary: Summary, like: Mapping, columns: Sequence[tuple]) -> list[Cell]:
    """Cells (column, metric, field, scale) of the configuration of `like`; None where it was not measured."""
    cells: list[Cell] = []
    for _, metric, field, scale in columns:
        record = summary.record_or_none(metric, **{key: like[key] for key in NAMED}) or {}
        value = {**record.get("test", {}), **record}.get(field)
        cells.append(None if value is None else value * scale)
    return cells


def interval_columns(header: str, metric: str, shows: str, scale: float = 1, ends: str = "") -> tuple[tuple, ...]:
    """Three columns: a value and both ends of its interval."""
    return (
        (Column(header, shows), metric, "value", scale),
        (Column("", "low"), metric, "low" + ends, scale),
        (Column("", "high"), metric, "high" + ends, scale),
    )


def single_column(header: str, metric: str, shows: str, field: str = "value") -> tuple[tuple, ...]:
    return ((Column(header, shows), metric, field, 1),)


def tabulate(
    summary: Summary,
    table_name: str,
    title: str,
    first: Mapping[str | Column, Sequence[Cell]],
    records: Sequence[Mapping],
    columns: Sequence[tuple],
    note: str | None = None,
) -> Table:
    """A row per record: its labels (`first`: header or column -> cells), then the columns with something measured."""
    cells = [row(summary, r, columns) for r in records]
    kept = [i for i in range(len(columns)) if any(line[i] is not None for line in cells)]
    rows = tuple(
        (*labels, *(line[i] for i in kept)) for *labels, line in zip(*first.values(), cells, strict=True) if kept
    )
    foot = note or (provenance(max(records, key=lambda r: r["seeds"])) if records else "")
    labels = [header if isinstance(header, Column) else Column(header) for header in first]
    return Table(table_name, title, (*labels, *(columns[i][0] for i in kept)), rows, foot)
