"""What the calls through the proxy cost, kept beyond a restart: a row a call in an SQLite file, without any text.

A row has what was estimated and what the provider's answer said. A conversation is a hash of its name with a salt of
the file's own; names of agents and models stand as they came. Only the file's owner may read it, and rows go after a
set time.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
import secrets
import shutil
import sqlite3
import tempfile
import threading
import time
import weakref
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

from lrrc.middleware.conversation import HELD_OUT
from lrrc.middleware.proxy.usage import Usage
from lrrc.middleware.receipt import Receipt

DAY = 86400.0  # seconds
SWEEP = 3600.0  # seconds between two looks for rows that are too old
NAME = 80  # most characters of a name that are kept
NOTICED, REST = 0.5, 20  # seconds that adding up may take at every call; else how many times as long it is good
FEWEST = 10  # conversations on each side before anything is said of a difference
BILLED = "2bc"  # an answer of whatever kind of success, broken off, cancelled by the client: not errors of providers
COLUMNS = {
    "at": "REAL",  # seconds since the epoch
    "conversation": "BLOB",
    "agent": "TEXT",
    "model": "TEXT",
    "action": "TEXT",
    "status": "TEXT",
    "held_out": "INTEGER",
    "before": "INTEGER",  # our count of the prompt as given,
    "after": "INTEGER",  # as sent,
    "estimated": "REAL",  # and what we thought that it costs
    "prompt": "INTEGER",  # the provider's counts; NULL where it gave none
    "cached": "INTEGER",
    "written": "INTEGER",
    "completion": "INTEGER",
    "spent": "REAL",  # for the prompt: by the provider's counts, else estimated
    "answers": "REAL",  # for the answer; NULL where its price or length is not known
    "whole": "REAL",  # what the prompt as given would have cost
    "dollars": "REAL",  # what a million units of these costs are in dollars; NULL where that is not known
}
log = logging.getLogger("lrrc.proxy")


@dataclass(frozen=True)
class Call:
    """One that has been answered. `action` is what the ledger calls it, `status` the answer's or how it ended."""

    model: str | None
    action: str
    status: str
    receipt: Receipt
    usage: Usage | None
    began: float  # seconds since the epoch
    at: float
    traceparent: str = ""


class Books:
    """Rows of calls in the file `path` (without one, in one that goes with the process), for `days` days each. Belongs
    to the event loop, but for `summary`."""

    def __init__(self, path: Path | None = None, days: float = 30):
        folder = None if path else Path(tempfile.mkdtemp(prefix="lrrc-"))
        self.path, self.days = path or folder / "ledger.sqlite", days
        self._swept = self._good_until = 0.0
        self._reading, self._summary = threading.Lock(), {}
        try:
            self._db = self._open()
        except (OSError, sqlite3.Error) as error:
            raise ValueError(f"{path}: no ledger can be kept here: {error}") from None
        self._end = weakref.finalize(self, _end, self._db, folder)
        # per model, sums of the provider's counts and of ours, of calls of which all was counted
        self._counts: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        rows = "SELECT model, SUM(prompt), SUM(after) FROM calls WHERE prompt > 0 AND after > 0 GROUP BY model"
        for model, theirs, ours in self._db.execute(rows):
            self._counts[model] = [theirs, ours]

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        os.chmod(self.path, 0o600)  # SQLite gives the files beside it the same mode
        # a server may run in another thread than it was made in
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA secure_delete = ON")
        db.execute("CREATE TABLE IF NOT EXISTS salt (salt BLOB)")
        db.execute(f"CREATE TABLE IF NOT EXISTS calls ({', '.join(f'{k} {v}' for k, v in COLUMNS.items())})")
        if [row[1] for row in db.execute("PRAGMA table_info(calls)")] != list(COLUMNS):
            raise sqlite3.DatabaseError("written by another version: move it away")
        db.execute("INSERT INTO salt SELECT ? WHERE NOT EXISTS (SELECT * FROM salt)", (secrets.token_bytes(16),))
        (self._salt,) = db.execute("SELECT salt FROM salt").fetchone()
        return db

    def close(self) -> None:
        self._end()

    def scale(self, model: str | None) -> float:
        """How many tokens the provider counts for one of ours, by all its answers so far."""
        theirs, ours = self._counts[_name(model)]
        return theirs / ours if ours else 1.0

    def scales(self) -> dict[str, float]:
        """The same, of all models that it is known of."""
        return {model: self.scale(model) for model in self._counts}

    def enter(self, call: Call) -> None:
        """What cannot be written is lost, and the log says so: a call is worth more than its row."""
        receipt, usage, prices = call.receipt, call.usage, call.receipt.prices
        if prices is None:
            return
        counted = usage is not None and usage.prompt > 0 and receipt.tokens_after > 0
        scale = self.scale(call.model)
        spent, whole = scale * receipt.billed_after, scale * receipt.billed_before
        sent = (receipt.tokens_before, receipt.billed_before) if call.action == "refused" else None
        after, estimated = sent or (receipt.tokens_after, receipt.billed_after)
        if usage is not None:
            spent = prices.prompt_cost(usage.prompt - usage.cached - usage.written, usage.cached, usage.written)
            if receipt.unknown_parts or not counted or call.action == "refused":
                whole = spent + scale * (receipt.billed_before - estimated)
            else:
                whole = receipt.billed_before * usage.prompt / after
                sums = self._counts[_name(call.model)]
                sums[0] += usage.prompt
                sums[1] += after
        elif call.status[:1] not in BILLED:
            spent = whole = 0.0
        answers = None
        if usage is not None and prices.price_output is not None:
            answers = usage.completion * prices.price_output
        row = {
            "at": call.at,
            "conversation": self.known_as(receipt.conversation),
            "agent": _name(receipt.agent),
            "model": _name(call.model),
            "action": call.action,
            "status": call.status,
            "held_out": receipt.reason == HELD_OUT,
            "before": receipt.tokens_before,
            "after": after,
            "estimated": estimated,
            "prompt": usage and usage.prompt,
            "cached": usage and usage.cached,
            "written": usage and usage.written,
            "completion": usage and usage.completion,
            "spent": spent,
            "answers": answers,
            "whole": whole,
            "dollars": prices.dollars,
        }
        try:
            marks = ", ".join("?" * len(COLUMNS))
            self._db.execute(f"INSERT INTO calls VALUES ({marks})", [row[key] for key in COLUMNS])
            if call.at - self._swept > SWEEP:
                self._swept = call.at
                self._db.execute("DELETE FROM calls WHERE at < ?", (call.at - DAY * self.days,))
        except sqlite3.Error as error:
            log.error("%s: a call is not kept: %s", self.path, error)

    def known_as(self, conversation: str) -> bytes:
        """What stands for a conversation's name here."""
        name = conversation.encode("utf-8", "replace")
        return hashlib.blake2b(name, digest_size=8, key=self._salt).digest()

    def summary(self) -> dict[str, Any]:
        """By agent and model, and all together, ready for JSON: money in dollars where every price is known. To be
        called in a thread: many rows take a while, for which writing does not wait, and the answer then stands longer.
        """
        with self._reading:
            began = time.monotonic()
            if began >= self._good_until:
                with closing(sqlite3.connect(self.path)) as db:
                    self._summary = self._added_up(db) | {"holdout": comparison(db)}
                took = time.monotonic() - began
                self._good_until = began + REST * took if took > NOTICED else 0.0
            return self._summary

    def _added_up(self, db: sqlite3.Connection) -> dict[str, Any]:
        # money is in units of the prices, so only what has known dollars is added up over models
        found = db.execute(
            "SELECT agent, model, dollars, COUNT(*), COUNT(prompt), SUM(before), SUM(after), SUM(prompt), SUM(cached),"
            " SUM(written), SUM(completion), SUM(estimated), SUM(spent), SUM(answers), SUM(whole), MIN(at),"
            " SUM(IIF(prompt IS NULL, 0, estimated)), SUM(IIF(prompt IS NULL, 0, spent))"
            " FROM calls GROUP BY agent, model, dollars ORDER BY SUM(whole * COALESCE(dollars, 1)) DESC"
        ).fetchall()
        rows, since = [], None
        for agent, model, dollars, *sums in found:
            names = ("calls", "measured", "before", "after", "prompt", "cached", "written", "completion")
            row = {"agent": agent, "model": model} | {n: v or 0 for n, v in zip(names, sums[:8], strict=True)}
            unit = 1.0 if dollars is None else dollars / 1e6
            money = [round(unit * (value or 0.0), 6) for value in (*sums[8:12], *sums[13:])]
            row |= dict(zip(("estimated", "spent", "answers", "whole"), money[:4], strict=True))
            row |= {
                "saved": round(row["whole"] - row["spent"], 6),
                "unit": "tokens" if dollars is None else "USD",
                "tokens_for_one_of_ours": round(self.scale(model), 4),
                "measured_estimated": money[4],
                "measured_spent": money[5],
            }
            rows.append(row)
            since = min(since or math.inf, sums[12])
        units = {row["unit"] for row in rows}
        total = {
            key: round(sum(row[key] for row in rows), 6)
            for key in ("calls", "measured", "completion", "estimated", "spent", "answers", "whole", "saved")
        }
        return {
            "rows": rows,
            "total": total | {"unit": units.pop()} if len(units) == 1 else {},
            "since": since,
            "days": self.days,
        }


def comparison(db: sqlite3.Connection) -> dict[str, Any] | None:
    """The conversations that were shortened beside those held out; None where none was."""
    # in dollars where every price is known, else in tokens of each model's fresh price
    (unpriced,) = db.execute("SELECT COUNT(*) FROM calls WHERE dollars IS NULL").fetchone()
    unit = "1.0" if unpriced else "dollars / 1e6"
    sums = db.execute(
        "SELECT held_out, COUNT(*), SUM(bill), SUM(bill * bill), SUM(said), SUM(said * said), SUM(n), SUM(n * n),"
        " SUM(bad / n), SUM(bad * bad / n / n) FROM (SELECT MAX(held_out) AS held_out, CAST(COUNT(*) AS REAL) AS n,"
        f" SUM((spent + COALESCE(answers, 0)) * {unit}) AS bill,"
        " SUM(COALESCE(completion, 0)) AS said, SUM(status NOT GLOB '2*') AS bad FROM calls"
        " GROUP BY conversation) GROUP BY held_out"
    ).fetchall()
    sides = {bool(side): sums for side, *sums in sums}
    if len(sides) < 2:
        return None
    return compared(sides[False], sides[True]) | {"unit": "tokens" if unpriced else "USD"}


def compared(shortened: list[float], held_out: list[float]) -> dict[str, Any]:
    """Means per conversation of both sides and their difference, with 95 % intervals (Welch's); each side is a count of
    conversations and, for every measure, the sum and the sum of squares."""
    counts = (int(shortened[0]), int(held_out[0]))
    made: dict[str, Any] = {"shortened": counts[0], "held_out": counts[1], "measures": {}}
    for number, measure in enumerate(("bill", "completion", "calls", "errors")):
        means, spreads = [], []
        for n, side in zip(counts, (shortened, held_out), strict=True):
            total, squares = side[1 + 2 * number : 3 + 2 * number]
            means.append(total / n)
            spreads.append(max(squares - total * total / n, 0.0) / max(n - 1, 1) / n)
        row = {"shortened": means[0], "held_out": means[1], "difference": means[0] - means[1], "interval": None}
        if min(counts) >= FEWEST:
            spread, half = sum(spreads), 0.0
            if spread:
                freedom = spread**2 / sum(s * s / (n - 1) for s, n in zip(spreads, counts, strict=True))
                half = student(freedom) * math.sqrt(spread)
            row["interval"] = [row["difference"] - half, row["difference"] + half]
        made["measures"][measure] = row
    return made


def _end(db: sqlite3.Connection, folder: Path | None) -> None:
    db.close()
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


def student(freedom: float) -> float:
    """The 97.5 % point of Student's distribution, by Cornish and Fisher's series: to three digits from nine degrees of
    freedom on."""
    z = NormalDist().inv_cdf(0.975)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))


def _name(name: str | None) -> str:
    return (name or "")[:NAME].encode("utf-8", "replace").decode()
