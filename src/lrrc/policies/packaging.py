"""What the installed package brings: a trained coordinator, its encoder in eight bits, its certificate and model card.

    src/lrrc/packaged/   config.json, main.safetensors, certificate.json, MODEL_CARD.md; line.json, where it is given
        encoder/         model.safetensors (int8 and a scale a row), config.json, tokenizer.json
        gate/            of the team arena, where it is given: which of several agents to call

Eight bits are used because nothing measurable is lost by them: `compare` measures that, and the card says it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lrrc.digest.place_prior import LEFT_BY_A_LINE
from lrrc.episodes.episode import Episode
from lrrc.episodes.episode_file import iter_episodes
from lrrc.policies.base import Policy
from lrrc.policies.caller import load_gate
from lrrc.policies.checkpoint import LINE, line_of, read_config
from lrrc.policies.serving import serving_policy
from lrrc.policies.spec import FOREIGN_RULES, PolicySpec
from lrrc.pretrained import eight_bits, sentence_encoder
from lrrc.runtime.files import atomic, write_text

CARD, FACTS, CERTIFICATE = "MODEL_CARD.md", "card.json", "certificate.json"
MOST_BYTES = 12_000_000  # of everything
ARENA = {  # what a checkpoint of the pipeline has learnt from, where its folder has no card.json
    "kind": "embedded arena: two small local models answer scripted users; a program judges",
    "source": "data/embedded, made by this project",
    "licence": "Apache-2.0",
    "conversations": 408,
}
LIMITS = (
    "It has learnt from the conversations above and no others. On other kinds it may be worse than a rule: compare on "
    "your own logs with `lrrc fidelity`.",
    "Digests copy sentences of the history; what they leave out is gone for that call. Nothing is promised of a large "
    "model's answers: the figures are a small local model's.",
    "Embeddings know English best; other languages are scored by place, shared words and rules in eight languages.",
    "Texts of special scripts, code and tables are cut and quoted whole, but were hardly trained on.",
)


@dataclass(frozen=True)
class Comparison:
    """Digests by vectors of eight bits against those by the vectors they were made of."""

    calls: int
    equal: int
    cosine_error: float
    worst_cosine_error: float
    bits_before: int


KINDS = (  # of conversation that the line has seen: kind, where it comes from, licence
    ("autogen_notebooks", "microsoft/autogen, printed outputs of notebooks", "CC-BY-4.0, MIT"),
    ("casino_bargaining", "kushalchawla/CaSiNo", "CC-BY-4.0"),
    ("llm_deliberation", "S-Abdelnabi/LLM-Deliberation", "MIT"),
    ("mint_feedback", "xingyaoww/mint-bench", "Apache-2.0"),
    ("mt_bench_human_dev", "lmsys/mt_bench_human_judgments, MT-bench answers", "CC-BY-4.0, Apache-2.0"),
    ("specstory_coding", "specstoryai/getspecstory", "Apache-2.0"),
    ("tau_bench_airline_dev", "sierra-research/tau-bench", "MIT"),
    ("ubuntu_irc", "jkkummerfeld/irc-disentanglement", "CC-BY-4.0"),
    ("virtual_lab", "zou-group/virtual-lab", "MIT"),
)


def package(  # all that goes into it, by name
    checkpoint: Path,
    encoder: Path,
    episodes: Path,
    summary: Path,
    target: Path,
    card: Path,
    line: Path | None = None,
    gate: Path | None = None,
) -> None:
    """Fill the folder `target`, and write its card to `card`, too; `line` are the weights of a line, `gate`
    the folder of a call gate.

    Raises ValueError where the checkpoint is not LRRC's, a file is missing, or everything together is too large.
    """
    config = read_config(checkpoint)
    if config["policy"] != "lrrc":
        raise ValueError(f"{checkpoint}: a checkpoint of {config['policy']}: the package has a coordinator")
    with atomic(target) as folder:
        (folder / "encoder").mkdir(parents=True)
        for name in ("config.json", "main.safetensors", CERTIFICATE):
            _copy(checkpoint / name, folder / name)
        if line:
            _copy(line, folder / LINE)
        if gate:
            load_gate(gate)
            shutil.copytree(gate, folder / "gate")
        for name in sentence_encoder.FILES[1:]:
            _copy(encoder / name, folder / "encoder" / name)
        vectors_VE, _ = eight_bits.read(encoder / sentence_encoder.FILES[0])
        eight_bits.write(vectors_VE, folder / "encoder" / sentence_encoder.FILES[0])
        (folder / "encoder" / sentence_encoder.FILES[0]).chmod(0o644)  # the library's are their owner's alone
        found = compare(checkpoint, encoder, folder, iter_episodes(episodes))
        text = model_card(checkpoint, folder, found, json.loads(summary.read_text(encoding="utf-8"))["records"])
        write_text(folder / CARD, text)
        if (size := size_of(folder)) > MOST_BYTES:
            raise ValueError(f"{target}: {size:,} bytes: allowed are {MOST_BYTES:,}")
    write_text(card, text)


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise ValueError(f"{source}: no such file")
    shutil.copyfile(source, target)


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def compare(checkpoint: Path, encoder: Path, packaged: Path, episodes: Iterable[Episode]) -> Comparison:
    """Every call of the episodes by both encoders, and how far their words' vectors point apart."""
    spec = PolicySpec("lrrc")
    whole = serving_policy(spec, encoder, checkpoint).with_line(line_of(packaged))
    short = serving_policy(spec, packaged / "encoder", packaged)
    calls = equal = 0
    for episode in episodes:
        pairs = list(zip(digests(whole, episode), digests(short, episode), strict=True))
        calls, equal = calls + len(pairs), equal + sum(a == b for a, b in pairs)
    before_VE, after_VE = (
        eight_bits.read(folder / sentence_encoder.FILES[0])[0].astype(np.float64)
        for folder in (encoder, packaged / "encoder")
    )
    norms_V = np.linalg.norm(before_VE, axis=1) * np.linalg.norm(after_VE, axis=1)
    cosines_V = (before_VE * after_VE).sum(axis=1)[norms_V > 0] / norms_V[norms_V > 0]
    kind = eight_bits.read(encoder / sentence_encoder.FILES[0])[1]
    return Comparison(calls, equal, float(1 - cosines_V.mean()), float(1 - cosines_V.min()), 8 * kind.itemsize)


def digests(policy: Policy, episode: Episode) -> list[tuple[str | None, int]]:
    """Text and tokens of what every call of an episode is sent."""
    session, found = policy.session(episode.agents), []
    for turn in episode.turns:
        for reply in turn.replies:
            chosen = session.select(turn.inputs, reply.name or episode.agents[0], policy.spec.budget)
            found.append((chosen.text, chosen.tokens))
        session.observe([*turn.inputs, *turn.replies])
    return found


def model_card(checkpoint: Path, folder: Path, found: Comparison, records: list[dict[str, Any]]) -> str:
    """Markdown: what it is, what it has learnt from, what it does, what it does not."""
    config, facts = read_config(checkpoint), _facts(checkpoint)
    model, certificate = config["model"], json.loads((folder / CERTIFICATE).read_text(encoding="utf-8"))
    fit = certificate["fits"].get("main") or next(iter(certificate["fits"].values()))
    checks = fit["checks"].items()
    numbers = sum(np.prod(shape, dtype=int) for shape in _shapes(folder / "main.safetensors"))
    lines = [
        "# Model card: the packaged coordinator",
        "",
        "Written by pipeline/package.py. It is what `Coordinator()`, `lrrc compress`, `lrrc estimate` and `lrrc serve` "
        "use where no checkpoint is named.",
        "",
        f"A low-rank recurrent coordinator of {numbers:,} numbers: a state of {model.d} x {config['rank']}, a gate "
        f"that opens at most {min(model.top_k, config['rank'] // 2)} channels, updates of rank at most "
        f"{min(config['rank'], model.max_update_rank)}. It chooses which sentences of a conversation an agent is sent "
        f"in place of all of it; segments have at most {config['max_segment_tokens']} tokens.",
        "",
        "## What it has learnt from",
        "",
        *_table(facts["trained_on"]),
        "",
        "The weights are under Apache-2.0. The word vectors are distilled from all-MiniLM-L6-v2 (Apache-2.0).",
        "",
        *_other_kinds(folder),
        "## Figures",
        "",
        *_table(facts["figures"] or _figures(records, config["rank"])),
        *_kinds_left_out(records),
        "",
        "## Eight bits",
        "",
        f"The vectors of {found.bits_before} bits are kept in eight, with a scale a row. Over all {found.calls:,} "
        f"calls of the embedded arena, {found.equal:,} digests ({found.equal / max(1, found.calls):.1%}) are the same "
        f"word for word. The cosine between a word's vector before and after is {found.cosine_error:.1e} below one on "
        f"average, {found.worst_cosine_error:.1e} at worst.",
        "",
        "## Certificate",
        "",
        f"On episodes that it never saw: {', '.join(name.replace('_', ' ') for name, holds in checks if holds)}. "
        f"Rho is at most {max(fit['rho']):.3f}, columns of the state are at most {fit['largest_state_norm']:.2f} long "
        f"(bound {max(fit['norm_bound']):.2f}). All of it is in {CERTIFICATE}; `lrrc certify` measures it anew.",
        "",
        "## Limits",
        "",
        *(f"- {limit}" for limit in facts["limits"]),
    ]
    return "\n".join(lines) + "\n"


def _facts(checkpoint: Path) -> dict[str, Any]:
    """What the checkpoint's own card.json says, or what holds of the pipeline's checkpoints."""
    facts = {"trained_on": [ARENA], "figures": [], "limits": LIMITS}
    if (path := checkpoint / FACTS).is_file():
        facts |= json.loads(path.read_text(encoding="utf-8"))
    return facts


FIGURES = {  # (evaluation, metric): what it is
    ("live", "live_token_reduction_vs_full"): "fewer tokens than the full history, % (live)",
    ("live", "live_success_difference_vs_full"): "checks answered right minus the full history's, points (live)",
    ("fidelity", "nats_over_full_context"): "nats a token of the next reply over the full history's",
    ("transfer", "nats_over_best_rule"): "nats a token over the best rule's, on a kind not trained on",
    ("votes", "token_reduction_vs_full"): "fewer tokens than the full history, %",
    ("votes", "success_difference_vs_full"): "answers picked that people did not vote worse, minus the full history's, "
    "points",
}


def _figures(records: list[dict[str, Any]], rank: int | None) -> list[dict[str, Any]]:
    """Of trainings of this recipe at this rank, on episodes that each never saw."""
    rows = []
    for (evaluation, metric), what in FIGURES.items():
        for record in records:
            own = record["policy"] == "lrrc" and record["rank"] == rank and record["budget"] == PolicySpec.budget
            variant = "embedded" if evaluation == "transfer" else ""
            if own and (record["evaluation"], record["metric"], record["variant"]) == (evaluation, metric, variant):
                interval = f"{record['low']:+.3g} to {record['high']:+.3g}"
                value = {"value": f"{record['value']:+.3g}", "95 % interval": interval, "n": record["n"]}
                rows.append({"measured on": record["data"], "what": what, **value})
    return rows


def _other_kinds(folder: Path) -> list[str]:
    """What the line has seen; nothing where none goes with it."""
    if not (folder / LINE).is_file():
        return []
    weights = json.loads((folder / LINE).read_text(encoding="utf-8"))["weights"]
    share = 1 - LEFT_BY_A_LINE * (1 - FOREIGN_RULES.prior)
    return [
        f"In the middleware and the commands a line ({len(weights)} weights, line.json) deals {100 * share:.1f} % of "
        "what the network promises, and what is asked in its own words gets more. It was fitted on numbers of calls of "
        "these kinds; no text of theirs is in it:",
        "",
        *_table([{"kind": kind, "source": source, "licence": licence} for kind, source, licence in KINDS]),
        "",
        *_table([{"feature": name, "weight": f"{value:+.2f}"} for name, value in weights.items()]),
        "",
    ]


def _kinds_left_out(records: list[dict[str, Any]]) -> list[str]:
    """What is lost on every kind left out, by both readings; nothing where that was not measured."""
    rows = []
    for metric, what in (
        ("nats_over_best_rule", "nats a token of the next reply"),
        ("words_below_best_rule", "points of the reply's words"),
    ):
        for r in records:
            if (r["evaluation"][:5], r["metric"], r["policy"]) == ("kinds", metric, "lrrc-line") and r[
                "low"
            ] is not None:
                shown = [f"{r[end]:+.3f}" if "nats" in metric else f"{r[end]:+.1f}" for end in ("value", "low", "high")]
                row = {"kind": r["data"], "budget": r["budget"], "what": what, "value": shown[0]}
                rows.append({**row, "95 % interval": f"{shown[1]} to {shown[2]}", "n": r["n"]})
    if not rows:
        return []
    return [
        "",
        "Kinds left out: what it loses, filling its budget, beyond the best rule for the kind (which is chosen on "
        "other conversations); line and network had not seen the kind. Lower is better.",
        "",
        *_table(rows),
    ]


def _table(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return ["None measured."]
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_shown(row.get(name, "")) for name in names] for row in rows]
    return ["| " + " | ".join(line) + " |" for line in (names, ["---"] * len(names), *cells)]


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|")


def _shapes(path: Path) -> list[list[int]]:
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        return [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118
