"""The old place of lrrc.runtime.dvc_patch, which the start-up files of older environments import."""

import lrrc.runtime.dvc_patch  # noqa: F401
