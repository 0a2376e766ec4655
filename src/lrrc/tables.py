"""Records of summary.json -> tables for people: one definition for CSV, Markdown, the report and Figure 5."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lrrc.summary import FLOORS, find, main_line, name, provenance

Cell = str | float | int | None
SPLITS = ("train", "val", "test", "total")
ACCOUNTINGS = {"per_side": "one side", "joint": "both sides"}
DATASET = {
    "episodes": ("Episodes", "d"),
    "turns_per_episode": ("Turns / episode", ".1f"),
    "tokens_per_turn_mean": ("Tokens / turn, mean", ",.1f"),
    "tokens_per_turn_median": ("median", ",.0f"),
    "tokens_per_turn_p90": ("90th %ile", ",.0f"),
    "tokens_per_episode": ("Tokens / episode", ",.0f"),
}


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


def _lookup(summary: Mapping, like: Mapping, metric: str) -> dict[str, Any] | None:
    keys = ("evaluation", "policy", "rank", "budget", "variant")
    found = find(summary, metric=metric, **{key: like[key] for key in keys})
    return found[0] if found else None


def _row(summary: Mapping, like: Mapping, columns: Sequence[tuple]) -> list[Cell]:
    """Cells (column, metric, field, scale) of the configuration of `like`; None where it was not measured."""
    cells: list[Cell] = []
    for _, metric, field, scale in columns:
        record = _lookup(summary, like, metric) or {}
        value = {**record.get("test", {}), **record}.get(field)
        cells.append(None if value is None else value * scale)
    return cells


def _interval(header: str, metric: str, shows: str, scale: float = 1, ends: str = "") -> tuple[tuple, ...]:
    """Three columns: a value and both ends of its interval."""
    return ((Column(header, shows), metric, "value", scale), (Column("", "low"), metric, "low" + ends, scale),
            (Column("", "high"), metric, "high" + ends, scale))  # fmt: skip


def _one(header: str, metric: str, shows: str, field: str = "value") -> tuple[tuple, ...]:
    return ((Column(header, shows), metric, field, 1),)


COMPARED = (
    *_interval("Tokens / episode", "tokens_per_episode", ",.0f"),
    *_interval("Tokens saved, %", "token_reduction_vs_full", ".1f"),
    *_one("Calls / episode", "calls_per_episode", ".2f"),
    *_one("Calls saved, %", "call_reduction_vs_full", ".1f"),
    *_interval("Success, %", "preference_success", ".1f", 100),
    *_interval("Points vs Full-Context", "success_difference_vs_full", "+.1f"),
    *_one("p", "success_difference_vs_full", "p", "p_vs_full_context"),
)
SPENT = (
    *_one("Tokens", "tokens_per_episode", ",.0f"),
    *_one("Prompt", "prompt_tokens_per_episode", ",.0f"),
    *_one("of it reusable prefix", "reusable_prefix_tokens_per_episode", ",.0f"),
    *_one("of it fresh", "fresh_prompt_tokens_per_episode", ",.0f"),
    *_one("Completion", "completion_tokens_per_episode", ",.0f"),
    *_one("Digests", "digest_tokens_per_episode", ",.0f"),
    *_one("Calls", "calls_per_episode", ".2f"),
)
TESTED = (
    *_interval("Points vs Full-Context (t)", "success_difference_vs_full", "+.1f"),
    *_interval("the same (BCa)", "success_difference_vs_full", "+.1f", 1, "_bca"),
    *_one("d_z", "success_difference_vs_full", "+.2f", "effect"),
    *_one("p, t-test", "success_difference_vs_full", "p", "p_raw"),
    *_one("p, Holm", "success_difference_vs_full", "p", "p_vs_full_context"),
    *_one("p, McNemar", "success_difference_vs_full", "p", "p_mcnemar"),
    *_one("p, TOST", "success_difference_vs_full", "p", "p_tost"),
)
AHEAD = (
    *_interval("LRRC saves, %", "lrrc_token_reduction_vs_policy", ".1f"),
    *_interval("LRRC's success minus its, points", "lrrc_success_minus_policy", "+.1f"),
    *_one("p", "lrrc_success_minus_policy", "p", "p_holm"),
)


def _table(summary, table_name, title, first, records, labels, columns, note=None) -> Table:
    rows = tuple((label, *_row(summary, r, columns)) for r, label in zip(records, labels, strict=True))
    foot = note or (provenance(max(records, key=lambda r: r["seeds"])) if records else "")
    return Table(table_name, title, (Column(first), *(column[0] for column in columns)), rows, foot)


def all_tables(summary: Mapping, rank: int, budget: int) -> list[Table]:
    """Every table of results/tables, in the order of the report."""
    main = main_line(summary, "preference_success", rank, budget)
    spending = [r for r in main if r["policy"] not in FLOORS]
    others = [r for r in main if r["policy"] != "lrrc"]
    ranks = sorted(find(summary, policy="lrrc", budget=budget, metric="preference_success"), key=lambda r: r["rank"])
    ours = [r for r in main if r["policy"] == "lrrc"]
    changed = find(summary, evaluation="ablation", metric="preference_success")
    ablated = ours + [r for r in changed if r["policy"] == "lrrc" and r["rank"] == rank
                      and (r["variant"] == "gate-off" or not r["variant"].endswith("gate-off"))]  # fmt: skip
    gated = ours + [r for r in changed if r["variant"] == "gate-on"]
    names = {id(r): name(r) for r in main}
    against = [r for r in main if r["policy"] != "full-context"]
    tables = [
        _table(summary, "policies", "Policies", "Policy", main, [names[id(r)] for r in main], COMPARED),
        _table(summary, "lrrc_vs_policies", f"LRRC r = {rank} against each policy", "Policy", others,
               [names[id(r)] for r in others], AHEAD),
        _table(summary, "tokens", "Where the tokens go, per episode", "Policy", spending,
               [names[id(r)] for r in spending], SPENT),
        _table(summary, "ranks", "Coordinator rank", "Rank", ranks,
               [str(r["rank"]) for r in ranks], COMPARED),
        _table(summary, "ablations", f"Ablations at r = {rank}", "Variant", ablated,
               [_variant(r) for r in ablated], COMPARED),
        _table(summary, "gates", "Every policy with the call gate", "Policy", gated,
               [name(r) for r in gated], COMPARED),
        _table(summary, "tests", "Tests of success against Full-Context", "Policy", against,
               [names[id(r)] for r in against], TESTED),
    ]  # fmt: skip
    return [t for t in [*tables, subgroup_table(summary), power_table(summary), dataset_table(summary),
                        training_table(summary)] if t.rows]  # fmt: skip


def _variant(record: Mapping) -> str:
    return record["variant"] or name(record)


def subgroup_table(summary: Mapping) -> Table:
    """LRRC against Full-Context inside each language and task family (paper section 4.5)."""
    found = [r for kind in ("by-category", "by-language")
             for r in find(summary, evaluation=kind, metric="token_reduction_vs_full")]  # fmt: skip
    columns = (*_interval("Tokens saved, %", "token_reduction_vs_full", ".1f"), *TESTED[:3])
    made = _table(summary, "subgroups", "LRRC against Full-Context, by subgroup", "Subgroup", found,
                  [r["variant"] for r in found], columns, "95 % intervals within the subgroup")  # fmt: skip
    rows = tuple((row[0], r["n"], *row[1:]) for row, r in zip(made.rows, found, strict=True))
    return Table(made.name, made.title, (made.columns[0], Column("Episodes", "d"), *made.columns[1:]), rows, made.note)


def power_table(summary: Mapping) -> Table:
    """What the paired test of success can see."""
    found = find(summary, evaluation="power", metric="power_of_paper_effect")
    least = {r["n"]: r for r in find(summary, evaluation="power", metric="detectable_success_difference")}
    rows = tuple((r["n"], 100 * r["value"], least[r["n"]]["value"]) for r in found)
    columns = (Column("Episodes", "d"), Column("Power to see +2.1 points, %", ".0f"),
               Column("Found with 80 % power from, points", ".1f"))  # fmt: skip
    return Table("power", "Power of the paired test", columns, rows, "with the spread of differences seen here")


def dataset_table(summary: Mapping) -> Table:
    """Table 1 and Figure 5 of the paper: counts per split under both accountings."""
    cells: dict[str, dict[str, Cell]] = {}
    for r in find(summary, evaluation="dataset"):
        cells.setdefault(r["variant"], {})[r["metric"]] = r["value"]
    agents = sorted({variant.partition("/")[0] for variant in cells} - set(ACCOUNTINGS))
    order = {f"{a}/{s}": (ACCOUNTINGS.get(a, a), s) for a in (*ACCOUNTINGS, *agents) for s in SPLITS}
    rows = tuple(
        (a, s, *(cells[variant].get(metric) for metric in DATASET))
        for variant, (a, s) in order.items() if variant in cells
    )  # fmt: skip
    columns = (Column("Accounting"), Column("Split"), *(Column(*shown) for shown in DATASET.values()))
    return Table("dataset", "Data set", columns, rows)


def training_table(summary: Mapping) -> Table:
    """How training ended, per rank (paper section 4.3)."""
    columns = {
        "training_epochs": ("Epochs", ".1f"),
        "validation_agreement": ("Validation agreement", ".3f"),
        "state_norm_settled_epoch": ("State norm settled at epoch", ".1f"),
        "state_norm_drift": ("Drift of the norm, %", ".1f"),
        "reconstruction_rise": ("Reconstruction loss above best, %", ".1f"),
        "active_channels": ("Channels active", ".2f"),
    }
    cells: dict[int, dict[str, Cell]] = {}
    for r in find(summary, evaluation="training"):
        cells.setdefault(r["rank"], {})[r["metric"]] = r["value"]
    rows = tuple((rank, *(cells[rank].get(metric) for metric in columns)) for rank in sorted(cells))
    shown = (Column("Rank", "d"), *(Column(*column) for column in columns.values()))
    return Table("training", "Training", shown, rows, "means over folds and seeds")
