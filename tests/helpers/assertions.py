"""What is promised of every digest."""

from itertools import groupby

from lrrc.digest.rendering import HEAD, LONGEST_GAP, MARK, QUOTE, label_of
from lrrc.pretrained import tokens


def check(history, made, budget):
    """Everything that is promised of any digest, from the history alone."""
    assert made.tokens == tokens.count(made.text) <= budget
    assert list(made.spans) == sorted(made.spans, key=lambda s: (s.message, s.start))
    rest = taken(made.text, HEAD) if made.spans else made.text
    for number, spans in groupby(made.spans, lambda span: span.message):
        message, end = history.messages[number], None
        rest = taken(rest, f"{label_of(message.name, message.role)}: ")
        for span in spans:
            assert end is None or end <= span.start < span.end
            gap = message.content[end or 0 : span.start]
            if gap.strip():
                rest = taken(rest.lstrip(" \n"), MARK).lstrip(" \n")
            elif end is not None and len(gap) <= LONGEST_GAP:
                rest = taken(rest, gap)
            else:
                rest = rest.lstrip(" \n")
            piece = message.content[span.start : span.end]
            assert piece and piece == piece.rstrip()
            rest, end = taken(rest, piece), span.end
        behind = message.content[end:].strip()
        rest = rest.removeprefix(f" {MARK}") if behind else rest
        rest = rest.removeprefix("\n")
    assert rest == ""


def taken(text, piece):
    """The rest of a text that begins with a piece, whose lines may be quoted or have lost their indentation."""
    for line in piece.splitlines(keepends=True) or [""]:
        text = text if text.startswith(line) else text.removeprefix(QUOTE)
        stripped = line if text.startswith(line) else line.lstrip(" \t")
        assert text.startswith(stripped), (text[:80], line[:80])
        text = text[len(stripped) :]
    return text
