"""A local language model that scores texts: the agent of the live evaluation, the judge of fidelity, the teacher.

SmolLM2-135M-Instruct (Apache-2.0) comes inside a registry package as a quantised gguf file; `convert` rewrites it
once as safetensors. Scoring runs on trees of tokens: texts that begin alike share every position they have in common:
a prompt is read once for all the answers that are tried after it, and a conversation once for all its questions.

Shape suffixes: L nodes of a tree (tokens), B trees side by side, V vocabulary.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from lrrc.runtime import arithmetic
from lrrc.runtime.errors import reason_of
from lrrc.runtime.files import file_digest
from lrrc.runtime.workers import process_apart

NAME = "SmolLM2-135M-Instruct"
NODES_AT_ONCE = 4096  # tokens of one forward pass; more is no faster on a CPU and takes memory


@dataclass(frozen=True)
class ScoringRequest:
    """Token ids of a prompt and of the continuations to score after it."""

    prompt: tuple[int, ...]
    answers: tuple[tuple[int, ...], ...]


class PrefixTree:
    """Sequences of tokens merged where they begin alike: `ids`, `parent` and `depth` of every node, parents first."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.parent: list[int] = []
        self.depth: list[int] = []
        self._child: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, ids: Sequence[int], after: int = -1) -> list[int]:
        """Nodes of `ids`, one per token, continuing after node `after` (-1: from the start)."""
        nodes = []
        for token in ids:
            node = self._child.get((after, token))
            if node is None:
                node = self._child[after, token] = len(self.ids)
                self.ids.append(token)
                self.parent.append(after)
                self.depth.append(self.depth[after] + 1 if after >= 0 else 0)
            nodes.append(node)
            after = node
        return nodes

    def visible(self) -> np.ndarray:
        """bool [L, L]: row i is true at i and its ancestors, all that token i may look at."""
        seen_LL = np.eye(len(self), dtype=bool)
        for i, parent in enumerate(self.parent):
            if parent >= 0:
                seen_LL[i] |= seen_LL[parent]
        return seen_LL


class LanguageModel:
    """Log-likelihoods under a causal language model in the folder that `convert` (or a hub download) wrote."""

    begin: tuple[int, ...] = ()  # what stands before the first message
    lead = ""  # what stands between the mark of a reply and its text

    def __init__(self, folder: Path | str):
        self._read_tokenizer(folder)
        self._load(folder)

    def _read_tokenizer(self, folder: Path | str) -> None:
        from tokenizers import Tokenizer

        if not (Path(folder) / "config.json").is_file():
            raise ValueError(f"{folder}: no language model here: run `dvc repro models` first")
        try:
            self.tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
        except Exception as error:  # the library raises plain ones
            raise _no_model(folder, error) from None
        self.tokenizer.encode_special_tokens = True  # a mark in somebody's text is text
        self.folder = Path(folder)
        if None in self.chatml_marks:
            raise ValueError(f"{folder}: not a ChatML model: its tokenizer has no <|im_start|> and <|im_end|>")

    def _load(self, folder: Path | str) -> None:
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        logging.disable_progress_bar()
        self.torch = torch
        try:
            self.model = AutoModelForCausalLM.from_pretrained(
                str(folder),
                dtype=torch.bfloat16,
                attn_implementation="sdpa",
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
            ).eval()
        except Exception as error:  # of many kinds
            raise _no_model(folder, error) from None

    @functools.cached_property
    def digest(self) -> str:
        """Hex hash of what the model is: weights, their meaning, tokenizer."""
        files = sorted(
            [*self.folder.glob("*.safetensors"), self.folder / "config.json", self.folder / "tokenizer.json"]
        )
        return hashlib.sha256("".join(map(file_digest, files)).encode()).hexdigest()

    @functools.lru_cache(maxsize=65_536)  # noqa: B019  one model lives as long as its process
    def encode(self, text: str) -> tuple[int, ...]:
        """Token ids; the text of a special token is ordinary text."""
        return tuple(self.tokenizer.encode(text, add_special_tokens=False).ids)

    @functools.cached_property
    def chatml_marks(self) -> tuple[int, int]:
        """Ids that begin and end a message in ChatML."""
        return tuple(map(self.tokenizer.token_to_id, ("<|im_start|>", "<|im_end|>")))

    def message(self, role: str, content: str) -> tuple[int, ...]:
        """One finished message in ChatML."""
        start, end = self.chatml_marks
        return (start, *self.encode(f"{role}\n"), *self.encode(content), end, *self.encode("\n"))

    def reply_prefix(self) -> tuple[int, ...]:
        """What stands before a reply."""
        return (self.chatml_marks[0], *self.encode("assistant\n"))

    def score(self, groups: Sequence[Sequence[ScoringRequest]]) -> list[list[list[np.ndarray]]]:
        """Per group, request and answer the log-likelihoods [tokens of the answer], in nats.

        The requests of a group share what they have in common; groups of like size run side by side.
        """
        planted = [_planted(group) for group in groups]
        order = sorted(range(len(groups)), key=lambda i: -len(planted[i][0]))
        found: list[Any] = [None] * len(groups)
        while order:
            side_by_side = max(1, NODES_AT_ONCE // max(1, len(planted[order[0]][0])))
            batch, order = order[:side_by_side], order[side_by_side:]
            for i, scores in zip(batch, self._forward([planted[i] for i in batch]), strict=True):
                found[i] = scores
        return found

    def _forward(self, trees: list[tuple[PrefixTree, list]]) -> list[list[list[np.ndarray]]]:
        torch = self.torch
        B, L = len(trees), max(len(tree) for tree, _ in trees)
        ids, position = np.zeros((B, L), np.int64), np.zeros((B, L), np.int64)
        seen = np.zeros((B, 1, L, L), bool)
        seen[:, :, range(L), range(L)] = True  # padding looks at itself, and nobody at it
        for b, (tree, _) in enumerate(trees):
            n = len(tree)
            ids[b, :n], position[b, :n], seen[b, 0, :n, :n] = tree.ids, tree.depth, tree.visible()
        with torch.inference_mode():
            hidden_BLD = self.model.model(
                input_ids=torch.from_numpy(ids),
                attention_mask=self._mask(seen, position),
                position_ids=torch.from_numpy(position),
                use_cache=False,
            ).last_hidden_state
            return [self._read(hidden_BLD[b], tree, places) for b, (tree, places) in enumerate(trees)]

    def _mask(self, seen: np.ndarray, position: np.ndarray) -> Any:
        """What a forward pass is given of `seen` [B, 1, L, L] and of positions [B, L] in their sequences."""
        return self.torch.from_numpy(seen)

    def _read(self, hidden_LD, tree: PrefixTree, places: list) -> list[list[np.ndarray]]:
        """Log-likelihoods of the answers of one tree; logits are made only where an answer's token is predicted."""
        wanted = sorted({tree.parent[node] for answers in places for nodes in answers for node in nodes})
        row = {node: i for i, node in enumerate(wanted)}
        logits = self.model.lm_head(hidden_LD[wanted]).float()
        log_RV = logits - logits.logsumexp(dim=1, keepdim=True)
        found = []
        for answers in places:
            found.append([])
            for nodes in answers:
                rows = [row[tree.parent[node]] for node in nodes]
                targets = [tree.ids[node] for node in nodes]
                found[-1].append(log_RV[rows, targets].numpy().astype(np.float64))
        return found


def _planted(group: Sequence[ScoringRequest]) -> tuple[PrefixTree, list[list[list[int]]]]:
    tree, places = PrefixTree(), []
    for request in group:
        assert request.prompt, "a prompt has at least one token"
        last = tree.add(request.prompt)[-1]
        places.append([tree.add(answer, last) for answer in request.answers])
    return tree, places


def _no_model(folder: Path | str, error: Exception) -> ValueError:
    return ValueError(f"{folder}: not a language model in safetensors: {type(error).__name__}: {reason_of(error)}")


class Apart:
    """Mixed into a model of class `kind`: it computes in a process of its own, which ends with this one.

    For a stage whose arithmetic is fixed: the model is the one thing there that would take ten times as long.
    """

    kind: ClassVar[type[LanguageModel]]
    folder: Path

    def _load(self, folder: Path | str) -> None:
        with arithmetic.unfixed():
            self._process = process_apart()
            self._process.submit(_loads, str(folder), self.kind).result()

    def score(self, groups: Sequence[Sequence[ScoringRequest]]) -> list[list[list[np.ndarray]]]:
        return self._process.submit(_scores, str(self.folder), self.kind, groups).result()


def _loads(folder: str, kind: type[LanguageModel]) -> None:
    load(folder, kind)


def _scores(
    folder: str, kind: type[LanguageModel], groups: Sequence[Sequence[ScoringRequest]]
) -> list[list[list[np.ndarray]]]:
    return load(folder, kind).score(groups)


@functools.lru_cache(maxsize=2)
def load(folder: str, kind: type[LanguageModel] = LanguageModel) -> LanguageModel:
    """The model in `folder`, loaded once per process, on one thread (processes share the cores)."""
    if arithmetic.fixed():
        return type(f"{kind.__name__}Apart", (Apart, kind), {"kind": kind})(folder)
    import torch

    torch.set_num_threads(1)
    return kind(folder)
