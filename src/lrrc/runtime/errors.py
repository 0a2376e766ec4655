"""What a user can get wrong ends in one line on stderr and exit status 1, never in a traceback."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

from lrrc.runtime.secrets import redact
from lrrc.runtime.workers import die_with_dvc

FULL, CLOSED = "make room, then run it again", "make that folder writable, then run it again"
WHAT_TO_DO = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EFBIG: "lift the limit on the size of files (ulimit -f), then run it again",
    errno.EROFS: CLOSED,
    errno.EACCES: CLOSED,
    errno.EPERM: CLOSED,
    errno.ENOTDIR: "a file lies where a folder belongs: move it away, then run it again",
    errno.EEXIST: "something else lies there: move it away, then run it again",
}


def one_line_of(error: BaseException) -> str:
    """What an error says, in one line without secrets and without what a terminal would obey."""
    text = redact(" ".join(str(error).split()))
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def reason_of(error: BaseException, most: int = 200) -> str:
    """The beginning of what an error says, in one line, as part of another error's text."""
    return " ".join(str(error).split())[:most]


def explain(error: BaseException) -> str:
    """What went wrong, where, and for the system's refusals what to do; one line without secrets."""
    text = one_line_of(error)
    advice = WHAT_TO_DO.get(error.errno or 0) if isinstance(error, OSError) else None
    return f"{text}: {advice}" if advice else text


def run_script(main: Callable[[], None]) -> None:
    """Run a pipeline script's `main`. A ValueError or OSError becomes `error: ...` and exit status 1.

    Anything else is a mistake of ours and keeps its traceback. Where DVC runs the script, it ends with DVC.
    """
    if "DVC_STAGE" in os.environ:
        die_with_dvc()
    try:
        main()
    except (ValueError, OSError) as error:
        print("error:", explain(error), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
