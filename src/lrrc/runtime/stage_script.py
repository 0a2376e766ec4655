"""The first import of every script in pipeline/: fixes the arithmetic before numpy and torch choose one."""

from lrrc.runtime import arithmetic
from lrrc.runtime.errors import run_script

arithmetic.fix()

__all__ = ["run_script"]
