"""What a user can get wrong ends in one line on stderr and exit status 1, never in a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

from lrrc.redact import scrub


def one_line(main: Callable[[], None]) -> None:
    """Run a pipeline script's `main`. A ValueError or OSError becomes `error: ...` and exit status 1.

    Anything else is a mistake of ours and keeps its traceback.
    """
    try:
        main()
    except (ValueError, OSError) as error:
        print("error:", scrub(" ".join(str(error).split())), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
