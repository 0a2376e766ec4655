"""Where sentences of plain text end, in any language.

Marks that end sentences are found by one expression. A dot behind a short word may belong to an abbreviation: then
sentencex, a segmenter with lists for some three hundred languages, is asked about these few characters, in the language
that the text seems to be in. So most boundaries cost next to nothing, and no mark of an unknown script is lost.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from itertools import pairwise

import sentencex

_CLOSERS = r"(?:[\"')\]»”’」』）】]|[ \u00a0\u202f]»)*"  # « in French, with blanks inside »
# a set of characters comes first, so that the search skips all others; the look-behind keeps a long run of dots from
# being tried anew at every dot
_END = re.compile(
    r"[.!?…。！？｡।॥۔؟።፧។៕\n](?:"
    rf"(?<=[.!?…])(?<![.!?…]{{2}})[.!?…]*{_CLOSERS}\s+"
    rf"|(?<=[。！？｡])[。！？｡]*{_CLOSERS}"
    rf"|(?<=[।॥۔؟።፧។៕])[।॥۔؟።፧។៕]*{_CLOSERS}\s*"
    r"|(?<=[!?])(?=[\u3040-\u30ff\u4e00-\u9fff])"
    r"|(?<=\n)\n*)"
)
_MARKER = re.compile(r"\s*[(\[]?(?:\d{1,3}|[^\W\d_]|[ivx]{1,4})$", re.IGNORECASE)  # of an item of a list
_NUMBER = re.compile(r"\d{1,2}")
_WORD = re.compile(r"\w*")
_LINE_ENDS = ".!?:;…。"  # marks behind which no line goes on
_WRAPPED = re.compile(rf"[^\n]{{40,}}(?<![{_LINE_ENDS}])\n\Z")  # a line that may go on in the next one
_ITEM = re.compile(r"\s*(?:[-*+•–>|#]|\d{1,3}[.)]|[^\W\d_][.)])\s")
_BROAD = 60  # characters of a line that goes on with a number or a capital, at least: lists have shorter ones
_NEAR = 3  # lines on either side that show how wide the lines of a text are
_OF_GERMAN_ORDER = frozenset(
    """im am der die das den dem des zum zur vom beim jeder jede jedes jeden pro""".split()  # noqa: SIM905
)
_VOWEL = re.compile(r"[aeiouyà-öø-ýāēīōūąęůőűα-ωа-я]", re.IGNORECASE)
# abbreviations that stand in texts of other languages too, and those that the lists lack
_ABBREVIATIONS = frozenset(
    """approx bzw ggf vgl inkl exkl evtl resp zzgl usf cf ca nr tel str abs lt incl excl dept est mme mlle
    sra""".split()  # noqa: SIM905
)
_ORDINARY = frozenset(["me", "no", "it", "in", "us", "am", "is", "so", "sat", "sun"])  # unless a number follows
_OF_A_STREET = "str"  # `Hauptstr. 12`
_LONGEST = 6  # letters of an abbreviation, if there is no other dot in it
_LOOK_BACK = 24  # characters
_OPENERS = "([{\"'„“«‘¿¡"
_BEFORE_A_SENTENCE = _OPENERS + "-*+•–#>0123456789.) \t\n"  # marks of lists and quotes
_COMMON = {
    "en": "the and is of to you not with for it this are that was have",
    "de": "der die das und ist nicht ein eine mit für ich sie wir den von zu auf dem",
    "fr": "le la les et est pas une des dans pour que qui vous je nous sur avec",
    "es": "el los las y es no una por que para con del se lo como está su",
    "it": "il gli e è non una per che di con sono della le si nel",
    "pt": "o os as e é não uma para com que do da em por um você",
    "nl": "de het een en is niet van met voor op dat zijn ik je we te",
    "pl": "i w nie się na jest z do że to są jak od przez",
    "sv": "och är inte en ett det som på för med att jag vi av",
    "da": "og er ikke en et det som på for med at jeg vi af",
    "cs": "a je se na není v že to s z do jsem",
    "tr": "ve bir bu için değil ile çok da de ne",
}
_LANGUAGES: dict[str, list[str]] = {}
for _code, _listed in _COMMON.items():
    for _word in _listed.split():
        _LANGUAGES.setdefault(_word, []).append(_code)
_SCRIPTS = {"ru": "\u0400\u04ff", "el": "\u0370\u03ff", "hi": "\u0900\u097f", "ar": "\u0600\u06ff"}  # from, to
_SEEN = 200  # characters of a text that tell its language


def sentence_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Bounds of the sentences of text[start:end], in order; together they cover it, white space included."""
    spans, first, language = [], start, None
    for match in _END.finditer(text, start, end):
        after = match.end()
        if after == end:
            break
        dot = match.start()
        if text[dot] == "." and text[dot + 1].isspace():
            before = text[max(first, dot - _LOOK_BACK) : dot]
            word = "" if before[-1:].isspace() else "".join(before.split()[-1:]).lstrip(_OPENERS)
            if len(word) <= _LONGEST or "." in word or word.endswith(_OF_A_STREET):
                language = language or language_of(text[start : min(end, start + _SEEN)])
                if (dot - first == len(before) and _MARKER.match(before)) or _belongs(
                    language, before, word, text, after
                ):
                    continue
        elif match.group() == "\n":
            if _goes_on(text, first, after, (start, end)):
                continue
        elif _inside(text, first, match):
            continue
        elif not text[after - 1].isspace() and unicodedata.category(text[after])[0] == "M":
            continue  # a mark that belongs to the character before it
        spans.append((first, after))
        first = after
    return [*spans, (first, end)] if first < end else spans


def language_of(text: str) -> str:
    """The language that a text seems to be in, by its script and commonest words, as sentencex names it; else `en`."""
    if not text.isascii():
        for code, (lowest, highest) in _SCRIPTS.items():
            if sum(lowest <= character <= highest for character in text) * 2 > len(text):
                return code
    votes = Counter(code for word in text.lower().split() if word in _LANGUAGES for code in _LANGUAGES[word])
    best = max(votes, key=votes.__getitem__, default="en")
    return best if votes[best] > max(1, votes["en"]) else "en"


def _goes_on(text: str, first: int, after: int, bounds: tuple[int, int]) -> bool:
    """Does a line of a fixed width go on in the next one, which begins at `after`? The sentence begins at `first`.

    Such a line is full: with the first word of the next one it would have been longer than its neighbours are, and so
    would they. What begins in small letters is a list, a log or chat, whose lines are as long as what they say.
    """
    line = text.rfind("\n", bounds[0], after - 1) + 1 or bounds[0]
    if not _WRAPPED.match(text, line, after) or not text[after].isalnum() or _ITEM.match(text, after):
        return False
    small = text[after].islower()
    if (small and not text[first:after].lstrip(_BEFORE_A_SENTENCE)[:1].isupper()) or (
        not small and after - line <= _BROAD
    ):
        return False
    lines = text[_lines_back(text, line, bounds[0]) : _lines_on(text, after, bounds[1])].split("\n")
    lines = [line for line in lines if line.strip()]
    width = max(map(len, lines))
    going = ((line, behind) for line, behind in pairwise(lines) if not line.rstrip().endswith(tuple(_LINE_ENDS)))
    full = (len(line) + 1 + len(behind.split(None, 1)[0]) > width for line, behind in going)
    return (small or len(lines) > 2) and all(full)


def _lines_back(text: str, at: int, least: int) -> int:
    """Where the paragraph that holds a line begins, or _NEAR lines before it."""
    for _ in range(_NEAR):
        before = text.rfind("\n", least, at - 1) + 1 if at > least else 0
        if at <= least or not text[max(before, least) : at].strip():
            break
        at = max(before, least)
    return at


def _lines_on(text: str, at: int, most: int) -> int:
    """Where the paragraph that holds a line ends, or _NEAR lines behind its beginning."""
    for _ in range(_NEAR):
        behind = text.find("\n", at, most) + 1 or most
        if at >= most or not text[at:behind].strip():
            break
        at = behind
    return at


def _inside(text: str, first: int, match: re.Match) -> bool:
    """Does a mark other than a single dot stand inside a sentence: `"Stop!" he said`, `would ... never`, `(!)`?"""
    after, mark = match.end(), match.start()
    shown = match.group().rstrip()
    if not shown:
        return False  # an empty line
    if mark and text[mark - 1] in "([" and shown[-1] in ")]":
        return True
    if shown[-1] in "」』”’" and ("\u3040" <= text[after] <= "\u309f" or text[after] in "的地得"):
        return True  # a particle: what was said is part of a sentence
    if not text[after].islower():
        return False
    closed, dots = shown[-1] not in ".!?…", shown.strip("…") in ("", "..", "...", "....")
    if dots and not closed:
        return mark > first and text[mark - 1].isspace()  # a pause; dots at the end of a word show that it breaks off
    # a question is one whatever follows; and who writes everything in small letters begins sentences with them
    return closed or ("?" not in shown and text[first:mark].lstrip(_OPENERS)[:1].isupper())


def _belongs(language: str, before: str, word: str, text: str, after: int) -> bool:
    """Does a dot belong to the word before it? `after` is where the next one begins."""
    if not any(map(str.isalnum, word)):
        return False  # nothing that could be shortened
    if word.endswith(_OF_A_STREET):
        return text[after].isdigit() or len(word) <= _LONGEST
    if _NUMBER.fullmatch(word):
        if before[: -len(word)].rstrip().endswith(":"):
            return True  # `Steps: 1. Mix`
        words = before.split()
        if text[after].isupper() and len(words) > 1 and words[-2].lower() in _OF_GERMAN_ORDER:
            return True  # `im 3. Stock`
        if text[after].isupper():  # `on the 29. Juli`, in whatever language the rest is
            return _abbreviation("de", word, _WORD.match(text, after).group())
    following = text[after]
    if following.islower() and word.isalpha() and 1 < len(word) < _LONGEST and not _VOWEL.search(word):
        return True  # `2 tsp. salt`
    return _abbreviation(language, word, "Xx" if following.isupper() else "5" if following.isdigit() else "xx")


@functools.lru_cache(maxsize=65_536)
def _abbreviation(language: str, word: str, following: str) -> bool:
    """Does a dot between these two end no sentence?"""
    if word in _ORDINARY and following != "5":
        return False
    if word.lower() in _ABBREVIATIONS:
        return True
    if following == "xx" and language not in ("en", "fr", "es", "it", "pt"):
        following = "Xx"  # elsewhere the library takes nothing in small letters for a beginning
    try:
        return len(sentencex.segment(language, f"A {word}. {following}")[0]) > len(word) + 4
    except BaseException as error:  # a panic in Rust is no Exception, and nobody's message may end a process
        if type(error).__name__ != "PanicException":
            raise
        return False
