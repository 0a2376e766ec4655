"""How well standing rules are recognised, by language, into its block of docs/method.md.

python tools/standing_rules.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from helpers.labelled_rules import table  # noqa: E402
from helpers.paths import ROOT  # noqa: E402

BEGIN, END = (
    "<!-- recognised: written by `python tools/standing_rules.py`, do not edit -->",
    "<!-- end of recognised -->",
)


def main() -> None:
    page = ROOT / "docs" / "method.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")
    print(table())


if __name__ == "__main__":
    main()
