"""A page for `dvc plots` that holds what draws it, Vega and its kin, so that plots show without a network.

.cache/tools/bin/python tools/plots_template.py .cache/plots.html     # `make plots` does it, and tells DVC to use it
"""

import sys
from pathlib import Path

import vl_convert

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
{{refresh_tag}}
<meta charset="utf-8">
<title>DVC Plot</title>
<script>{bundle}</script>
<style>body {{ font-family: sans-serif }} body > div {{ margin: 1.5rem }} img {{ max-width: 100% }}</style>
</head>
<body>
{{plot_divs}}
</body>
</html>
"""

if __name__ == "__main__":
    bundle = vl_convert.javascript_bundle().replace("</script", "<\\/script")
    Path(sys.argv[1]).write_text(PAGE.format(bundle=bundle), encoding="utf-8")
