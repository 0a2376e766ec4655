"""Where things are."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# development data of other makers, where there is any
SHARED = Path(os.environ.get("LRRC_SHARED_DATA", ROOT.parent / "shared" / "data"))
