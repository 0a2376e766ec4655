"""The values of params.yaml."""

import yaml

from helpers.paths import ROOT

VALUES = yaml.safe_load((ROOT / "params.yaml").read_text())
