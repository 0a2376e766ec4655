"""Parameters: one frozen dataclass per section of params.yaml, checked before anything runs.

An unknown key, a missing key, a wrong type or an impossible value is a ValueError of one line that names the key,
the value and what is allowed. Top-level keys (ranks, seeds, rank, budget) are those that more than one stage reads.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import StringConstraints, TypeAdapter, ValidationError

from lrrc.policy_catalogue import LEARNED, LIVE, UNTRAINED
from lrrc.runtime.checked import Listed, Number, allowed, checked, one_line, require
from lrrc.runtime.urls import check_base_url

SOURCES = ("embedded", "lmsys", "mt_bench_human", "files")
EMBEDDED = "data/embedded/arena.parquet"  # data.path where no other is given
TARGETS, AGENTS, ENGINES = ("model", "lexical"), ("local", "endpoint"), ("local", "ray")
TEAM_CALLS = ("all", "random", "in-turn", "last-forwarded", "oracle", "bm25", "bm25-2", "embedding", "embedding-2")
FAMILY_FOLDS = "folds-family"  # an ablation: the fits saw no check of the families that they are tested on
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

Seed = Annotated[int, Ge(0), Lt(2**32), allowed("an integer from 0 to 2^32 - 1")]
Count = Annotated[int, Ge(0), allowed("an integer >= 0")]
Positive = Annotated[int, Ge(1), allowed("an integer >= 1")]
Several = Annotated[int, Ge(2), allowed("an integer >= 2")]
Tokens = Annotated[int, Ge(8), allowed("an integer >= 8 (tokens)")]
Fraction = Annotated[Number, Ge(0), Le(1), allowed("a fraction from 0 to 1")]
FractionBelow1 = Annotated[Number, Ge(0), Lt(1), allowed("a fraction from 0, below 1")]
FractionAbove0 = Annotated[Number, Gt(0), Le(1), allowed("a fraction above 0, at most 1")]
Between0And1 = Annotated[Number, Gt(0), Lt(1), allowed("a number between 0 and 1")]
Weight = Annotated[Number, Ge(0), allowed("a finite number >= 0")]
Commit = Annotated[
    Annotated[str, StringConstraints(pattern="^[0-9a-f]{40}$")] | None,  # a branch moves
    allowed("null (the pinned commit) or the 40 hex digits of a commit"),
]
LivePolicy = Literal[LIVE]


@checked
class CurateConfig:
    """The generator of the embedded arena (a frozen stage)."""

    episodes: Positive
    seed: Seed
    deadline_min: Number
    max_reply_tokens: Tokens


@checked
class DataConfig:
    """Where episodes come from and how many are drawn (paper section 3.3).

    `path` is a dependency of the stage download, so it always names a file or folder.
    """

    source: Literal[SOURCES]
    path: str
    revision: Commit
    n_episodes: Positive
    min_turns: Positive
    max_turns: int | None
    languages: Listed[str]
    group_by: str | None
    seed: Seed

    def __post_init__(self) -> None:
        given = bool(self.path) and (self.source != "files" or self.path != EMBEDDED)
        require(given, "path", self.path, "a file, one of your own where data.source is files")
        enough = self.max_turns is None or self.max_turns >= self.min_turns
        require(enough, "max_turns", self.max_turns, "null or an integer >= data.min_turns")


@checked
class AnnotateConfig:
    """Token accounting (paper section 3.5): tokens added per message, 0 as in the paper, 3 as in chat billing."""

    per_message_overhead: Annotated[int, Ge(0), Le(100), allowed("an integer from 0 to 100")]


@checked
class SplitConfig:
    """Fractions of train, validation and test (paper: 140/30/30 of 200), and the folds for cross-fitting."""

    train: Between0And1
    val: Between0And1
    test: Between0And1
    folds: Several
    seed: Seed

    def __post_init__(self) -> None:
        total = self.train + self.val + self.test
        require(abs(total - 1) < 1e-6, "train + split.val + split.test", total, "1")


@checked
class EncoderConfig:
    """Static word vectors: their width e."""

    width: Annotated[int, Ge(8), Le(384), allowed("an integer from 8 to 384")]


@checked
class EmbedConfig:
    """Segments: their length in tokens, at most."""

    max_segment_tokens: Annotated[int, Ge(8), Le(512), allowed("an integer from 8 to 512")]


@checked
class GainsConfig:
    """What segments gain a language model, the targets of training: candidates asked about per call, and the tokens of
    the reply that are scored; `source` lexical trains on shared words instead.
    """

    source: Literal[TARGETS]
    candidates: Several
    reply_tokens: Positive
    calls: Count
    seed: Seed


@checked
class LiveConfig:
    """Live evaluation: budgets beside the operating one, episodes at the operating budget, and elsewhere (budgets,
    ranks, ablations); `agent` local is the packaged model, endpoint an OpenAI-compatible server. With the local one,
    Gemma-3-270m answers the checks of `second_episodes`, too, at the operating budget. `remember`: ask local models,
    here and in fidelity, only what is not known from earlier runs.
    """

    agent: Literal[AGENTS]
    budgets: Listed[Tokens]
    episodes: Count
    episodes_elsewhere: Count
    second_episodes: Count
    policies: Listed[LivePolicy]
    policies_elsewhere: Listed[LivePolicy]
    base_url: str | None
    model: str | None
    remember: bool
    seed: Seed

    def __post_init__(self) -> None:
        for key in ("base_url", "model") if self.agent == "endpoint" else ():
            require(bool(getattr(self, key)), key, getattr(self, key), "a text where agent is endpoint")
        if self.base_url:  # DVC and MLflow store it
            check_base_url(self.base_url, "base_url", "OPENAI_API_KEY")


@checked
class FidelityConfig:
    """Fidelity of digests: calls drawn from each data set, tokens of a reply that are scored, further files."""

    calls: Several
    reply_tokens: Positive
    policies: Listed[LivePolicy]
    files: Listed[str]
    seed: Seed


@checked
class TransferConfig:
    """Transfer between kinds of conversation (a frozen stage): data sets beside the arena, calls that teach (of each)
    and calls that test. `prior` is what digest.prior is for them.
    """

    files: Listed[str]
    teach: Several
    calls: Several
    prior: Fraction
    seed: Seed


@checked
class KindsConfig:
    """Kinds of conversation left out in turn (a frozen stage): `files` beside the arena; calls of each and random
    digests of each call; the longest history, and how much of what is asked is shown; `ridge` of the line of values;
    calls and budgets that an order is fitted on; calls on which policies are met at other budgets than the operating
    one; of how many calls the language model reads random digests and rules (`read`), of how many those of all policies
    (`read_policies`; `read_elsewhere` at other budgets); replies of a conversation whose links are looked up.
    """

    files: Listed[str]
    calls: Several
    digests: Several
    history_tokens: Positive
    input_characters: Positive
    ridge: Annotated[Number, Gt(0), allowed("a number > 0")]
    order_calls: Several
    order_budgets: Listed[Positive]
    budgets: Listed[Positive]
    met_elsewhere: Several
    read: Count
    read_policies: Count
    read_elsewhere: Count
    links: Positive
    seed: Seed


@checked
class ModelConfig:
    """The coordinator (paper sections 3.1 and 3.5); the switches at the end are ablations, all true in the paper
    but `form`, which lets outcome heads see length and layout of answers.
    """

    d: Positive
    max_update_rank: Positive
    top_k: Positive
    activity_threshold: Annotated[Number, Ge(0), Lt(1), allowed("a number from 0, below 1")]
    head_width: Positive
    rho_max: Annotated[Number, Gt(0), Lt(1), allowed("a number between 0 and 1 (proofs: rho < 1)")]
    update_bound: Annotated[Number, Gt(0), allowed("a finite number > 0")]
    vocabulary: Positive
    gate: bool
    noop: bool
    recurrence: bool
    low_rank: bool
    hierarchy: bool
    form: bool


@checked
class TrainConfig:
    """Optimisation (paper section 3.5); `trainer` goes to lightning.Trainer as it stands."""

    lr: Between0And1
    weight_decay: Weight
    batch_size: Positive
    max_epochs: Positive
    patience: Positive
    w_rec: Weight
    w_sel: Weight
    w_worth: Weight
    w_win: Weight
    w_rule: Weight
    w_apart: Weight
    loader_workers: Count
    trainer: dict = dataclasses.field(hash=False)  # the rest tells parameters apart as keys of a cache

    def __post_init__(self) -> None:
        for key, value in self.trainer.items():
            require(key in TRAINER, f"trainer.{key}", value, f"no such key; known are {', '.join(TRAINER)}")


@checked
class AblateConfig:
    """Variants at the operating rank, each `KEY-VALUE` with KEY a key of the section model, or `targets-KIND`."""

    variants: Listed[str]
    seeds: Listed[Seed]

    def __post_init__(self) -> None:
        _different("seeds", self.seeds)


@checked
class BaselineConfig:
    """Policies to compare with, and what they need."""

    policies: Listed[Literal[(*UNTRAINED, *LEARNED)]]
    truncated_turns: Positive


@checked
class DigestConfig:
    """How scores become a digest: redundancy filter, and, for learned policies, what a segment must promise: a share
    of what the best ones do, and nats a token (0 and 0 fill the budget). `standing` is the share of a budget that
    standing rules may take, under every policy. `prior` is the share of a history's promise that is dealt by place
    alone (lrrc.digest.place_prior): none where conversations are of the kind trained on. `top` is the number of
    segments at most, 0 where the budget alone limits it.
    """

    max_overlap: FractionAbove0
    least_share: FractionBelow1
    least_gain: Annotated[Number, Ge(0), Le(10), allowed("a number from 0 to 10 (nats a token)")]
    standing: Annotated[Number, Ge(0), Le(0.5), allowed("a share of the budget, up to 0.5; 0 keeps none")]
    prior: Fraction
    top: Count


@checked
class TuneConfig:
    """The values of every policy's own stopping parameter: rules send so many segments at most (0: until the budget is
    full), learned policies those that hold such a share of what the history promises, others keep to the name.
    """

    top: Listed[Count]
    least_share: Listed[FractionBelow1]
    truncated_turns: Listed[Positive]
    budget: Listed[Tokens]

    def __post_init__(self) -> None:
        for key in ("top", "least_share", "truncated_turns", "budget"):
            values = getattr(self, key)
            require(len(set(values)) == len(values) > 0, key, list(values), "a list of different numbers, not empty")


@checked
class ReplayConfig:
    """Evaluation on logged episodes; the switches of docs/method.md 5, and the margin of the call gate."""

    tie_is_success: bool
    bothbad_is_success: bool
    gate_margin: FractionBelow1


@checked
class VotesConfig:
    """Human votes (a frozen stage): a data set of the hub, or `path`, a copy of it or a JSONL of joined episodes whose
    column `group_by` names the prompt. `seeds_elsewhere` are of ablations and other ranks; at the operating rank
    it is `seeds`. `deadline_min`: no item is begun after so many minutes.
    """

    source: Literal["mt_bench_human", "lmsys"]
    path: str | None
    group_by: str | None
    n_episodes: Several
    min_turns: Positive
    folds: Several
    variants: Listed[str]
    seeds_elsewhere: Listed[Seed]
    deadline_min: Number


@checked
class TeamArenaConfig:
    """The team arena: agents that need each other's notes."""

    episodes: Several
    seed: Seed


@checked
class TeamConfig:
    """The closed loop on the team arena. Of its episodes the first `episodes` of a drawn order are played, and
    `calibrate` others set the confidence below which an agent says that it has nothing; in every `whole_every`-th of
    those both models are also given all there is. `pairs` are PAYLOAD/CALL. The call gate is taught by `taught`
    episodes of `taught_seed`, which is not the arena's; `margin` is what calling fewer may cost on episodes that
    calibrate it.
    """

    episodes: Several
    calibrate: Several
    whole_every: Positive
    pairs: Listed[str]
    folds: Several
    seeds: Listed[Seed]
    rank: Several
    taught: Several
    taught_seed: Seed
    epochs: Positive
    margin: FractionBelow1
    seed: Seed

    def __post_init__(self) -> None:
        _different("seeds", self.seeds)
        for pair in self.pairs:
            payload, _, call = pair.partition("/")
            require(
                payload in LIVE and call in TEAM_CALLS,
                "pairs",
                pair,
                f"PAYLOAD/CALL with CALL of {', '.join(TEAM_CALLS)}",
            )


@checked
class TeamAblateConfig:
    """The gate with a part changed: which variants, and how many of team.seeds each has."""

    variants: Listed[str]
    seeds: Positive


@checked
class TeamPricesConfig:
    """What a million tokens cost in the team's tables: fresh in a prompt, in a prompt cache, in completions."""

    prompt: Weight
    cached: Weight
    completion: Weight


@checked
class ExploreConfig:
    """The report's digest explorer: how many held-out episodes, and the seed that draws them."""

    episodes: Annotated[int, Ge(1), Le(50), allowed("an integer from 1 to 50")]
    seed: Seed


@checked
class StatsConfig:
    """Statistical tests (paper section 3.5)."""

    alpha: Annotated[Number, Gt(0), Lt(0.5), allowed("a number between 0 and 0.5")]
    margin: Between0And1


@checked
class Params:
    """The whole of params.yaml."""

    ranks: Listed[int]
    seeds: Listed[Seed]
    rank: int
    budget: Tokens
    engine: Literal[ENGINES]
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
    tune: TuneConfig
    replay: ReplayConfig
    live: LiveConfig
    fidelity: FidelityConfig
    transfer: TransferConfig
    kinds: KindsConfig
    votes: VotesConfig
    team_arena: TeamArenaConfig
    team: TeamConfig
    team_ablate: TeamAblateConfig
    team_prices: TeamPricesConfig
    explore: ExploreConfig
    stats: StatsConfig

    def __post_init__(self) -> None:
        _different("ranks", self.ranks)
        _different("seeds", self.seeds)
        for rank in self.ranks:
            require(1 <= rank <= self.model.d, "ranks", rank, f"integers from 1 to model.d = {self.model.d}")
        require(self.rank in self.ranks, "rank", self.rank, f"one of ranks = {list(self.ranks)}")
        for name, variants in (("ablate.variants", self.ablate.variants), ("votes.variants", self.votes.variants)):
            for variant in variants:
                try:
                    changed = dataclasses.replace(self.model, **parse_variant(variant, name))
                except ValidationError as error:
                    raise ValueError(f"{name} = {variant!r}: model.{one_line(error)}") from None
                require(self.rank <= changed.d, name, variant, f"a width d of at least rank = {self.rank}")
        other = "another one than team_arena.seed: what teaches the gate is not measured on"
        require(self.team.taught_seed != self.team_arena.seed, "team.taught_seed", self.team.taught_seed, other)
        for variant in self.votes.variants:  # votes have no targets but words, and folds of prompts
            require(bool(parse_variant(variant)), "votes.variants", variant, "a change of the model")

    @property
    def out_of_domain(self) -> Params:
        """The same for conversations unlike those trained on: more is dealt by place."""
        return dataclasses.replace(self, digest=dataclasses.replace(self.digest, prior=self.transfer.prior))


def _different(key: str, values: tuple[int, ...]) -> None:
    require(len(set(values)) == len(values) > 0, key, list(values), "a list of different integers, not empty")


def parse_variant(variant: str, name: str = "ablate.variants") -> dict[str, Any]:
    """Changes of the model: `top_k-2` -> {"top_k": 2}; `gate-off` -> {"gate": False}; none for `targets-KIND` and
    `folds-family`, which change what is learnt from.

    `name` is the parameter, for the message of a ValueError.
    """
    key, _, text = variant.rpartition("-")
    if key == "folds":
        require(variant == FAMILY_FOLDS, name, variant, FAMILY_FOLDS)
        return {}
    if key == "targets":
        require(text in TARGETS, name, variant, f"targets-KIND with KIND of {', '.join(TARGETS)}")
        return {}
    kinds = {field: info.annotation for field, info in ModelConfig.__pydantic_fields__.items()}
    require(key in kinds, name, variant, f"KEY-VALUE with KEY of targets, folds, {', '.join(kinds)}")
    if kinds[key] is bool:
        require(text in ("on", "off"), name, variant, f"{key}-on or {key}-off")
        return {key: text == "on"}
    try:
        return {key: kinds[key](text)}
    except ValueError:
        raise ValueError(f"{name} = {variant!r}: allowed is {key}-NUMBER") from None


def parse_params(values: Any) -> Params:
    """Checked parameters from the parsed YAML. Raises ValueError."""
    try:
        return TypeAdapter(Params).validate_python(values)
    except ValidationError as error:
        raise ValueError(f"params: {one_line(error, Params)}") from None


def load_params(path: str | Path = "params.yaml") -> Params:
    """Checked parameters from a file. Raises ValueError for anything a user can get wrong."""
    import yaml  # who serves a coordinator reads no parameters

    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"params: {path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"params: {path}: not YAML: {' '.join(str(error).split())[:300]}") from None
    return parse_params(values)
