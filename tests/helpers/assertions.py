"""What is promised of every digest."""

from itertools import groupby

from lrrc.pretrained import tokens


def check(history, made, budget):
    """Everything that is promised of any digest, from the history alone."""
    assert made.tokens == tokens.count(made.text) <= budget
    assert list(made.spans) == sorted(made.spans, key=lambda s: (s.message, s.start))
    lines = []
    for number, spans in groupby(made.spans, lambda span: span.message):
        message = history.messages[number]
        spans = list(spans)
        assert all(a.end <= b.start for a, b in zip(spans, spans[1:], strict=False))
        pieces = [message.content[span.start : span.end] for span in spans]
        assert all(piece and piece == piece.strip() for piece in pieces)
        lines.append(f"{message.name or message.role}: {' '.join(pieces)}")
    assert made.text == "\n".join(lines)
