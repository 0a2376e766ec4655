"""Spans of a history as the text of a digest: a line for every message, its speaker first, and a mark for every gap.

Pieces of a message that touch are joined by the white space that stood between them, so that code and lists keep their
lines. Where something is left out, the mark says so: a piece that leans on it follows a mark. Nobody else's words can
be taken for a label: a name is written on one line and never as a role, and a line inside a message that begins like a
label is quoted.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise

import regex

from lrrc.digest.history import History
from lrrc.digest.selection import Span
from lrrc.episodes.episode import Message
from lrrc.pretrained import tokens

# Chat templates do not show names: the text itself says that what was asked long ago is not asked now. Always the same
# words, so that they never break a cached prefix
HEAD = "[Excerpt of earlier messages, not a request]\n"
END = "[End of excerpt]"  # where more text follows in the same message
MARK = "…"  # one token; so is it with the blank before it
QUOTE = "> "
ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function", "digest"})
LONGEST_NAME = 64  # characters; the limit of most providers
LONGEST_GAP = 80  # characters of white space that are copied
_SENTENCE_ENDS = tuple(".!?…|。！？｡।॥۔؟።៕།")
_CLOSERS = ")]}>\"'”’»」』】）*_`"
_WRAPPED = regex.compile(r"[\p{L}\p{M} ,'’-]{40,}")  # a line of words alone that may go on in the next one
_BREAKS = r"\n\r\v\f\x85\u2028\u2029"
_LIKE_A_LABEL = regex.compile(
    rf"(?<=[{_BREAKS}])(?:[^\w{_BREAKS}:：∶]*)(?P<name>[^{_BREAKS}:：∶]{{1,80}}?)[^\w{_BREAKS}:：∶]*[:：∶]"
)
_LIKE_A_FRAME = regex.compile(
    rf"(?:(?<=[{_BREAKS}])|^)(?=[^{_BREAKS}]*?(?:\bend\W+of\W+(?:\w+\W+)?excerpt|excerpt\W+of\W+earlier\W+messages))",
    regex.IGNORECASE,
)
_UNSEEN = regex.compile(r"[\p{Cf}\p{Mn}]+")
_BRACKET = regex.compile(r"[(\[{]")  # behind a name: `user (owner): `
_LOOK_ALIKE = str.maketrans(
    "асеоріхуѕԁһіјոΑΒΕΖΗΙΚΜΝΟΡΤΥΧορυνАВСЕНІКМОРТХ", "aceopixysdhijnABEZHIKMNOPTYXopuvABCEHIKMOPTX"
)
_DISGUISED = regex.compile(rf"[\p{{Cf}}\p{{Mn}}{''.join(map(chr, _LOOK_ALIKE))}]")


def render(history: History, spans: Sequence[Span]) -> str:
    """The text of spans in order: a digest begins with words that say what it is; nothing of nothing."""
    lines = []
    for number, said in groupby(spans, lambda span: span.message):
        message = history.messages[number]
        lines.append(f"{label_of(message.name, message.role)}: {_unlike_ours(history, _pieces(message, list(said)))}")
    return HEAD + "\n".join(lines) if lines else ""


@functools.cache
def head_tokens() -> int:
    """What its first words take of a digest's budget."""
    return tokens.count(HEAD)


@functools.lru_cache(maxsize=4096)
def label_of(name: str | None, role: str) -> str:
    """The speaker as a digest writes it: on one line, without colons, and no name that is a role of somebody else."""
    if not name:
        return role
    seen = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in name)
    label = " ".join(seen.replace(":", " ").replace("：", " ").split())[:LONGEST_NAME].rstrip()
    if not label:
        return role
    return f"{role} {label}" if _bare(label) in ROLES and _bare(label) != role else label


@functools.lru_cache(maxsize=4096)
def _bare(label: str) -> str:
    """A label without what cannot be seen, so that names that look like a role are told."""
    plain = unicodedata.normalize("NFKC", label).translate(_LOOK_ALIKE)
    return "".join(_UNSEEN.sub("", plain).split()).casefold()


def _pieces(message: Message, spans: Sequence[Span]) -> str:
    content, parts = message.content, []
    for before, span in pairwise((None, *spans)):
        if before is None:
            parts.append(_before(content, span))
        else:
            parts.append(_between(content[before.end : span.start]))
        parts.append(content[span.start : span.end])
    return "".join(parts) + _after(content, spans[-1])


def _before(content: str, first: Span) -> str:
    """The mark before the first piece, on a line of its own where the piece begins a line."""
    if not content[: first.start].strip():
        return "\n" if content[first.start].isspace() else ""
    line = content[content.rfind("\n", 0, first.start) + 1 : first.start]
    return f"{MARK} " if line.strip() else f"{MARK}\n"


def _between(gap: str) -> str:
    if gap.strip():
        return f" {MARK}\n" if "\n" in gap else f" {MARK} "
    if len(gap) <= LONGEST_GAP:
        return gap
    return "\n\n" if "\n" in gap else " "


def _after(content: str, last: Span) -> str:
    """The mark behind the last piece, where it ends in the middle of a sentence."""
    if content[last.start : last.end].rstrip(_CLOSERS).endswith(_SENTENCE_ENDS):
        return ""
    rest, _, below = content[last.end : last.end + LONGEST_GAP].partition("\n")
    line = content[content.rfind("\n", 0, last.end) + 1 : last.end]
    wrapped = below[:1].islower() and _WRAPPED.fullmatch(line)
    return f" {MARK}" if rest.strip() or wrapped else ""


def _unlike_ours(history: History, text: str) -> str:
    """Quotes the lines that hold the words around a digest, or, but for the first, begin as a line of some speaker."""
    seen, place = _seen(text)
    labels, starts = list(_LIKE_A_LABEL.finditer(seen)), set()
    if "excerpt" in seen.lower():  # in most texts it is not, and this is quickly seen
        starts |= {match.start() for match in _LIKE_A_FRAME.finditer(seen)}
    if labels:
        speakers = _speakers(history)
        for match in labels:
            name = _BRACKET.split(match["name"])[0]
            if _bare(name) in speakers or (name.strip() and ROLES.issuperset(map(_bare, name.split()))):
                starts.add(match.start())
    for start in sorted(starts, reverse=True):
        text = text[: place(start)] + QUOTE + text[place(start) :]
    return text


def _seen(text: str) -> tuple[str, Callable[[int], int]]:
    """A text as it looks, without what cannot be seen and in the letters that it looks like, and where in the text
    each of its places is."""
    if not _DISGUISED.search(text):
        return text, int
    hidden = [match.span() for match in _UNSEEN.finditer(text)]
    shown = list(range(len(text)))
    for start, end in reversed(hidden):
        del shown[start:end]
    return "".join(text[i] for i in shown).translate(_LOOK_ALIKE), [*shown, len(text)].__getitem__


def _speakers(history: History) -> set[str]:
    return ROLES | {_bare(label_of(name, role)) for name, role in history.speakers}
