"""What a user can get wrong ends in one line on stderr and exit status 1, never in a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

from lrrc.redact import scrub


def line_of(error: BaseException) -> str:
    """What an error says, in one line without secrets and without what a terminal would obey."""
    text = scrub(" ".join(str(error).split()))
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def one_line(main: Callable[[], None]) -> None:
    """Run a pipeline script's `main`. A ValueError or OSError becomes `error: ...` and exit status 1.

    Anything else is a mistake of ours and keeps its traceback.
    """
    try:
        main()
    except (ValueError, OSError) as error:
        print("error:", line_of(error), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
