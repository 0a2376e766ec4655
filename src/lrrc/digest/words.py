"""Words of a text in any script, and how much each of them says.

A word is letters with the marks that belong to them, digits and underscores, perhaps with an apostrophe inside. Scripts
that put no space between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan) give pairs of neighbouring
characters instead: no dictionary is needed, and a question and a sentence that share a word share its pairs (Nie and
others, 2000, On the use of words and n-grams for Chinese information retrieval). Marks that many writers leave out
(Arabic and Hebrew vowels) play no part.

Words are weighed by how rare they are: the rank of a token in the byte-pair vocabulary stands in for its frequency,
which needs no fitting, leaks nothing from the evaluation data, and works for any language.
"""

from __future__ import annotations

import functools
import math
import re
import unicodedata
import zlib
from collections.abc import Sequence

import regex

from lrrc.pretrained import tokens

# scripts without spaces between words; U+30FC is the long vowel of Katakana, common to several scripts
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\u30fc\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_ASCII_WORD = re.compile(r"\w+(?:'\w+)?")
_LETTERS = r"[\p{L}\p{M}\p{N}_\u200c\u200d]"  # the last two shape the letters of Indic and Arabic scripts
_SPACED = rf"[{_LETTERS}--[{UNSPACED}]]+"
_WORD = regex.compile(rf"(?V1){_SPACED}(?:['’]{_SPACED})?|(?P<run>(?:[[{UNSPACED}]&&{_LETTERS}]\p{{M}}*)+)")
_CLUSTER = regex.compile(r"\X")
_OMITTED = re.compile("[\u0640\u064b-\u065f\u0670\u0591-\u05bd\u05bf\u05c1-\u05c7]+")
_VOCABULARY_SIZE = 100_256


def words_of(text: str) -> list[str]:
    """Lower-case words of a text, in order; of unspaced scripts every pair of neighbouring characters."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    text = _OMITTED.sub("", unicodedata.normalize("NFC", text))
    found = []
    for match in _WORD.finditer(text):
        if match["run"] is None:
            found.append(match.group().lower())
        else:
            run = _CLUSTER.findall(match.group())
            found += ["".join(pair) for pair in zip(run, run[1:], strict=False)] or run
    return found


def word_spans(text: str) -> list[tuple[int, int, str]]:
    """(start, end, lower-case word) of every word of a text as it stands; none overlaps another, so that unspaced
    scripts give pairs side by side."""
    found = []
    for match in _WORD.finditer(text):
        bounds = [match.span()]
        if match["run"] is not None:
            starts = [cluster.start() for cluster in _CLUSTER.finditer(text, *match.span())][::2]
            bounds = list(zip(starts, [*starts[1:], match.end()], strict=True))
        found += [(a, b, text[a:b].lower()) for a, b in bounds]
    return found


@functools.lru_cache(maxsize=65_536)
def word_weight(word: str) -> float:
    """How much a lower-case word says, from 0 (`the`) to 1 (a rare name, any number)."""
    if any(character.isdigit() for character in word):
        return 1.0
    ids = tokens.encoding().encode_ordinary(" " + word)
    if len(ids) > 1:
        return 1.0
    # ids below 1,000 are mostly function words; the logarithm spreads the rest
    return min(1.0, max(0.0, math.log(ids[0] / 250) / math.log(_VOCABULARY_SIZE / 250)))


def overlap(left: Sequence[str], right: Sequence[str]) -> float:
    """Share of the weight of `left`'s words that `right` has too, from 0 to 1."""
    mine, theirs = set(left), set(right)
    total = math.fsum(map(word_weight, mine))  # exact, as the order of a set is not
    return math.fsum(map(word_weight, mine & theirs)) / total if total else 1.0


def word_bucket(word: str) -> int:
    """A stable 32-bit hash of a word; modulo the vocabulary size it names an output of the decoder."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))
