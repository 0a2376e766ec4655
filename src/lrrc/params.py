"""Parameters: one frozen dataclass per section of params.yaml, checked before anything runs.

An unknown key, a missing key, a wrong type or an impossible value is a ValueError of one line that names the key,
the value and what is allowed. Top-level keys (ranks, seeds, rank, budget) are those that more than one stage reads.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lrrc.policy_catalogue import LEARNED, LIVE, UNTRAINED
from lrrc.runtime.typed import _check, _section
from lrrc.runtime.urls import check_base_url

SOURCES = ("embedded", "lmsys", "mt_bench_human", "files")
EMBEDDED = "data/embedded/arena.parquet"  # data.path where no other is given
TARGETS, AGENTS, ENGINES = ("model", "lexical"), ("local", "endpoint"), ("local", "ray")
# arguments of lightning.Trainer that a user may set; the others belong to training.fit
TRAINER = (
    "accelerator",
    "strategy",
    "devices",
    "num_nodes",
    "precision",
    "gradient_clip_val",
    "gradient_clip_algorithm",
    "accumulate_grad_batches",
    "limit_train_batches",
    "limit_val_batches",
    "benchmark",
    "use_distributed_sampler",
)


def _check_seed(key: str, value: int) -> None:
    _check(0 <= value < 2**32, key, value, "an integer from 0 to 2^32 - 1")


@dataclass(frozen=True)
class CurateConfig:
    """The generator of the embedded arena (a frozen stage)."""

    episodes: int
    seed: int
    deadline_min: float
    max_reply_tokens: int

    def __post_init__(self) -> None:
        _check(self.episodes >= 1, "curate.episodes", self.episodes, "an integer >= 1")
        _check_seed("curate.seed", self.seed)
        _check(self.max_reply_tokens >= 8, "curate.max_reply_tokens", self.max_reply_tokens, "an integer >= 8")


@dataclass(frozen=True)
class DataConfig:
    """Where episodes come from and how many are drawn (paper section 3.3).

    `path` is a dependency of the stage download, so it always names a file or folder.
    """

    source: str
    path: str
    revision: str | None
    n_episodes: int
    min_turns: int
    max_turns: int | None
    languages: tuple[str, ...]
    group_by: str | None
    seed: int

    def __post_init__(self) -> None:
        _check(self.source in SOURCES, "data.source", self.source, f"one of {', '.join(SOURCES)}")
        given = bool(self.path) and (self.source != "files" or self.path != EMBEDDED)
        _check(given, "data.path", self.path, "a file, one of your own where data.source is files")
        commit = self.revision is None or bool(re.fullmatch("[0-9a-f]{40}", self.revision))  # a branch moves
        _check(commit, "data.revision", self.revision, "null (the pinned commit) or the 40 hex digits of a commit")
        _check(self.n_episodes >= 1, "data.n_episodes", self.n_episodes, "an integer >= 1")
        _check_seed("data.seed", self.seed)
        _check(self.min_turns >= 1, "data.min_turns", self.min_turns, "an integer >= 1")
        _check(
            self.max_turns is None or self.max_turns >= self.min_turns,
            "data.max_turns",
            self.max_turns,
            "null or an integer >= data.min_turns",
        )


@dataclass(frozen=True)
class AnnotateConfig:
    """Token accounting (paper section 3.5): tokens added per message, 0 as in the paper, 3 as in chat billing."""

    per_message_overhead: int

    def __post_init__(self) -> None:
        value = self.per_message_overhead
        _check(0 <= value <= 100, "annotate.per_message_overhead", value, "an integer from 0 to 100")


@dataclass(frozen=True)
class SplitConfig:
    """Fractions of train, validation and test (paper: 140/30/30 of 200), and the folds for cross-fitting."""

    train: float
    val: float
    test: float
    folds: int
    seed: int

    def __post_init__(self) -> None:
        for key in ("train", "val", "test"):
            value = getattr(self, key)
            _check(0 < value < 1, f"split.{key}", value, "a fraction between 0 and 1")
        total = self.train + self.val + self.test
        _check(abs(total - 1) < 1e-6, "split.train + split.val + split.test", total, "1")
        _check(self.folds >= 2, "split.folds", self.folds, "an integer >= 2")
        _check_seed("split.seed", self.seed)


@dataclass(frozen=True)
class EncoderConfig:
    """Static word vectors: their width e."""

    width: int

    def __post_init__(self) -> None:
        _check(8 <= self.width <= 384, "encoder.width", self.width, "an integer from 8 to 384")


@dataclass(frozen=True)
class EmbedConfig:
    """Segments: their length in tokens, at most."""

    max_segment_tokens: int

    def __post_init__(self) -> None:
        value = self.max_segment_tokens
        _check(8 <= value <= 512, "embed.max_segment_tokens", value, "an integer from 8 to 512")


@dataclass(frozen=True)
class GainsConfig:
    """What segments gain a language model, the targets of training: candidates asked about per call, and the tokens of
    the reply that are scored; `source` lexical trains on shared words instead.
    """

    source: str
    candidates: int
    reply_tokens: int
    calls: int
    seed: int

    def __post_init__(self) -> None:
        _check(self.source in TARGETS, "gains.source", self.source, f"one of {', '.join(TARGETS)}")
        _check(self.candidates >= 2, "gains.candidates", self.candidates, "an integer >= 2")
        _check(self.reply_tokens >= 1, "gains.reply_tokens", self.reply_tokens, "an integer >= 1")
        _check(self.calls >= 0, "gains.calls", self.calls, "an integer >= 0")
        _check_seed("gains.seed", self.seed)


@dataclass(frozen=True)
class LiveConfig:
    """Live evaluation: budgets beside the operating one, episodes at the operating budget, and elsewhere (budgets,
    ranks, ablations); `agent` local is the packaged model, endpoint an OpenAI-compatible server.
    """

    agent: str
    budgets: tuple[int, ...]
    episodes: int
    episodes_elsewhere: int
    policies: tuple[str, ...]
    policies_elsewhere: tuple[str, ...]
    base_url: str | None
    model: str | None
    seed: int

    def __post_init__(self) -> None:
        _check(self.agent in AGENTS, "live.agent", self.agent, f"one of {', '.join(AGENTS)}")
        for budget in self.budgets:
            _check(budget >= 8, "live.budgets", budget, "integers >= 8 (tokens)")
        for key in ("episodes", "episodes_elsewhere"):
            value = getattr(self, key)
            _check(value >= 0, f"live.{key}", value, "an integer >= 0")
        for key in ("policies", "policies_elsewhere"):
            for policy in getattr(self, key):
                _check(policy in LIVE, f"live.{key}", policy, f"of {', '.join(LIVE)}")
        if self.agent == "endpoint":
            for key in ("base_url", "model"):
                _check(bool(getattr(self, key)), f"live.{key}", getattr(self, key), "a text where agent is endpoint")
        if self.base_url:  # DVC and MLflow store it
            check_base_url(self.base_url, "params: live.base_url", "OPENAI_API_KEY")
        _check_seed("live.seed", self.seed)


@dataclass(frozen=True)
class FidelityConfig:
    """Fidelity of digests: calls drawn from each data set, tokens of a reply that are scored, further files."""

    calls: int
    reply_tokens: int
    policies: tuple[str, ...]
    files: tuple[str, ...]
    seed: int

    def __post_init__(self) -> None:
        _check(self.calls >= 2, "fidelity.calls", self.calls, "an integer >= 2")
        _check(self.reply_tokens >= 1, "fidelity.reply_tokens", self.reply_tokens, "an integer >= 1")
        for policy in self.policies:
            _check(policy in LIVE, "fidelity.policies", policy, f"of {', '.join(LIVE)}")
        _check_seed("fidelity.seed", self.seed)


@dataclass(frozen=True)
class TransferConfig:
    """Transfer between kinds of conversation (a frozen stage): data sets beside the arena, calls that teach (of each)
    and calls that test. `prior` is what digest.prior is for them.
    """

    files: tuple[str, ...]
    teach: int
    calls: int
    prior: float
    seed: int

    def __post_init__(self) -> None:
        value = self.prior
        _check(0 <= value <= 1, "transfer.prior", value, "a fraction from 0 to 1")
        for key in ("teach", "calls"):
            _check(getattr(self, key) >= 2, f"transfer.{key}", getattr(self, key), "an integer >= 2")
        _check_seed("transfer.seed", self.seed)


@dataclass(frozen=True)
class ModelConfig:
    """The coordinator (paper sections 3.1 and 3.5); the switches at the end are ablations, all true in the paper."""

    d: int
    max_update_rank: int
    top_k: int
    activity_threshold: float
    head_width: int
    rho_max: float
    update_bound: float
    vocabulary: int
    gate: bool
    noop: bool
    recurrence: bool
    low_rank: bool
    hierarchy: bool

    def __post_init__(self) -> None:
        for key in ("d", "max_update_rank", "top_k", "head_width", "vocabulary"):
            value = getattr(self, key)
            _check(value >= 1, f"model.{key}", value, "an integer >= 1")
        _check(0 < self.rho_max < 1, "model.rho_max", self.rho_max, "a number between 0 and 1 (proofs: rho < 1)")
        _check(self.update_bound > 0, "model.update_bound", self.update_bound, "a number > 0")
        value = self.activity_threshold
        _check(0 <= value < 1, "model.activity_threshold", value, "a number from 0 to 1")


@dataclass(frozen=True)
class TrainConfig:
    """Optimisation (paper section 3.5); `trainer` goes to lightning.Trainer as it stands."""

    lr: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    patience: int
    w_rec: float
    w_sel: float
    w_worth: float
    w_win: float
    w_rule: float
    loader_workers: int
    trainer: dict[str, Any] = dataclasses.field(hash=False)  # the rest tells parameters apart as keys of a cache

    def __post_init__(self) -> None:
        _check(0 < self.lr < 1, "train.lr", self.lr, "a number between 0 and 1")
        _check(self.weight_decay >= 0, "train.weight_decay", self.weight_decay, "a number >= 0")
        for key in ("batch_size", "max_epochs", "patience"):
            value = getattr(self, key)
            _check(value >= 1, f"train.{key}", value, "an integer >= 1")
        for key in ("w_rec", "w_sel", "w_worth", "w_win", "w_rule"):
            value = getattr(self, key)
            _check(value >= 0, f"train.{key}", value, "a number >= 0")
        _check(self.loader_workers >= 0, "train.loader_workers", self.loader_workers, "an integer >= 0")
        for key, value in self.trainer.items():
            _check(key in TRAINER, f"train.trainer.{key}", value, f"no such key; known are {', '.join(TRAINER)}")


@dataclass(frozen=True)
class AblateConfig:
    """Variants at the operating rank, each `KEY-VALUE` with KEY a key of the section model, or `targets-KIND`."""

    variants: tuple[str, ...]
    seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        for variant in self.variants:
            parse_variant(variant)
        different = len(set(self.seeds)) == len(self.seeds) > 0
        _check(different, "ablate.seeds", list(self.seeds), "different integers, at least one")
        for seed in self.seeds:
            _check_seed("ablate.seeds", seed)


@dataclass(frozen=True)
class BaselineConfig:
    """Policies to compare with, and what they need."""

    policies: tuple[str, ...]
    truncated_turns: int

    def __post_init__(self) -> None:
        known = (*UNTRAINED, *LEARNED)
        for policy in self.policies:
            _check(policy in known, "baseline.policies", policy, f"of {', '.join(known)}")
        _check(self.truncated_turns >= 1, "baseline.truncated_turns", self.truncated_turns, "an integer >= 1")


@dataclass(frozen=True)
class DigestConfig:
    """How scores become a digest: redundancy filter, squeezing inside segments, and, for learned policies, what a
    segment must promise: a share of all that the history does, and nats a token (0 and 0 fill the budget), and the
    probability from which a sentence of the user is kept as a standing rule. `prior` is the share of a history's
    promise that is dealt by place alone (lrrc.digest.place_prior): none where conversations are of the kind trained on.
    """

    max_overlap: float
    squeeze: float
    least_share: float
    least_gain: float
    standing: float
    prior: float

    def __post_init__(self) -> None:
        _check(0 < self.max_overlap <= 1, "digest.max_overlap", self.max_overlap, "a fraction above 0, at most 1")
        _check(0 <= self.squeeze < 1, "digest.squeeze", self.squeeze, "a fraction from 0, below 1")
        value = self.least_share
        _check(0 <= value < 1, "digest.least_share", value, "a fraction from 0, below 1")
        value = self.least_gain
        _check(0 <= value <= 10, "digest.least_gain", value, "a number from 0 to 10 (nats a token)")
        value = self.standing
        _check(0 < value <= 1, "digest.standing", value, "a probability above 0; 1 keeps none")
        value = self.prior
        _check(0 <= value <= 1, "digest.prior", value, "a fraction from 0 to 1")


@dataclass(frozen=True)
class ReplayConfig:
    """Evaluation on logged episodes; the switches of docs/method.md 5, and the margin of the call gate."""

    tie_is_success: bool
    bothbad_is_success: bool
    gate_margin: float

    def __post_init__(self) -> None:
        _check(0 <= self.gate_margin < 1, "replay.gate_margin", self.gate_margin, "a fraction from 0, below 1")


@dataclass(frozen=True)
class ExploreConfig:
    """The report's digest explorer: how many held-out episodes, and the seed that draws them."""

    episodes: int
    seed: int

    def __post_init__(self) -> None:
        _check(1 <= self.episodes <= 50, "explore.episodes", self.episodes, "an integer from 1 to 50")
        _check_seed("explore.seed", self.seed)


@dataclass(frozen=True)
class StatsConfig:
    """Statistical tests (paper section 3.5)."""

    alpha: float
    bootstrap: int
    margin: float
    seed: int

    def __post_init__(self) -> None:
        _check(0 < self.alpha < 0.5, "stats.alpha", self.alpha, "a number between 0 and 0.5")
        _check(self.bootstrap >= 100, "stats.bootstrap", self.bootstrap, "an integer >= 100")
        _check(0 < self.margin < 1, "stats.margin", self.margin, "a fraction between 0 and 1")
        _check_seed("stats.seed", self.seed)


@dataclass(frozen=True)
class Params:
    """The whole of params.yaml."""

    ranks: tuple[int, ...]
    seeds: tuple[int, ...]
    rank: int
    budget: int
    engine: str
    curate: CurateConfig
    data: DataConfig
    annotate: AnnotateConfig
    split: SplitConfig
    encoder: EncoderConfig
    embed: EmbedConfig
    gains: GainsConfig
    model: ModelConfig
    train: TrainConfig
    ablate: AblateConfig
    baseline: BaselineConfig
    digest: DigestConfig
    replay: ReplayConfig
    live: LiveConfig
    fidelity: FidelityConfig
    transfer: TransferConfig
    explore: ExploreConfig
    stats: StatsConfig

    def __post_init__(self) -> None:
        for key in ("ranks", "seeds"):
            values = getattr(self, key)
            _check(len(set(values)) == len(values) > 0, key, list(values), "a list of different integers, not empty")
        for rank in (*self.ranks, self.rank):
            _check(1 <= rank <= self.model.d, "ranks", rank, f"integers from 1 to model.d = {self.model.d}")
        _check(self.rank in self.ranks, "rank", self.rank, f"one of ranks = {list(self.ranks)}")
        for seed in self.seeds:
            _check_seed("seeds", seed)
        for variant in self.ablate.variants:
            try:
                changed = dataclasses.replace(self.model, **parse_variant(variant))
            except ValueError as error:
                reason = str(error).removeprefix("params: ")
                raise ValueError(f"params: ablate.variants = {variant!r}: {reason}") from None
            _check(self.rank <= changed.d, "ablate.variants", variant, f"a width d of at least rank = {self.rank}")
        _check(self.budget >= 8, "budget", self.budget, "an integer >= 8 (tokens)")
        _check(self.engine in ENGINES, "engine", self.engine, f"one of {', '.join(ENGINES)}")

    @property
    def elsewhere(self) -> Params:
        """The same for conversations unlike those trained on: more is dealt by place."""
        return dataclasses.replace(self, digest=dataclasses.replace(self.digest, prior=self.transfer.prior))


def parse_variant(variant: str) -> dict[str, Any]:
    """Changes of the model: `top_k-2` -> {"top_k": 2}; `gate-off` -> {"gate": False}; none for `targets-KIND`."""
    key, _, text = variant.rpartition("-")
    if key == "targets":
        _check(text in TARGETS, "ablate.variants", variant, f"targets-KIND with KIND of {', '.join(TARGETS)}")
        return {}
    fields = {field.name: field.type for field in dataclasses.fields(ModelConfig)}
    _check(key in fields, "ablate.variants", variant, f"KEY-VALUE with KEY of targets, {', '.join(fields)}")
    if fields[key] == "bool":
        _check(text in ("on", "off"), "ablate.variants", variant, f"{key}-on or {key}-off")
        return {key: text == "on"}
    try:
        return {key: int(text) if fields[key] == "int" else float(text)}
    except ValueError:
        raise ValueError(f"params: ablate.variants = {variant!r}: allowed is {key}-NUMBER") from None


def parse_params(values: Any) -> Params:
    """Checked parameters from the parsed YAML. Raises ValueError."""
    return _section(Params, values, "")


def load_params(path: str | Path = "params.yaml") -> Params:
    """Checked parameters from a file. Raises ValueError for anything a user can get wrong."""
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"params: {path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"params: {path}: not YAML: {' '.join(str(error).split())[:300]}") from None
    return parse_params(values)
