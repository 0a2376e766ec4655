"""What `make setup` puts into a .pth file, for the interpreters that tests and tools start."""

import lrrc.runtime.dvc_patch  # noqa: F401
