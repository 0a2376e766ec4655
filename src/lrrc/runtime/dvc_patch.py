"""DVC writes its text files whole or not at all, as the stages do, and waits for its lock.

DVC itself writes dvc.lock in place, over more than a second where it records many items, and so does it with the file
that says which process uses what. Killed then, or on a full disk, it leaves half a file, and no later `dvc repro`
starts. It also gives up a finished stage where another `dvc` holds its lock for more than three seconds.

`make setup` puts the line `import lrrc.runtime.dvc_patch` into a .pth file of the virtual environment, which Python
runs at its start; in a process of `dvc` this module then takes the place of one method. Other processes it leaves
alone.
"""

from __future__ import annotations

import io
import os
import sys

LOCK_SECONDS = 60


class AtomicTextFile(io.StringIO):
    """A text file that is written when it is closed; after an error in its `with` block, not at all."""

    def __init__(self, path: str):
        super().__init__()
        self.path: str | None = path

    def __exit__(self, kind: type | None, *rest: object) -> None:
        if kind is not None:
            self.path = None
        super().__exit__(kind, *rest)

    def close(self) -> None:
        path, self.path = self.path, None
        if path is not None:
            from lrrc.runtime.files import write_text  # not for every Python that starts

            write_text(os.path.realpath(path), self.getvalue())
        super().close()


def install() -> None:
    """Replace the method of DVC's local file system that opens files."""
    import dvc.lock
    from dvc_objects.fs.local import FsspecLocalFileSystem

    in_place = FsspecLocalFileSystem.open

    def open_whole(self, path, mode="r", encoding=None, **kwargs):
        text = mode in ("w", "w+")
        return AtomicTextFile(path) if text else in_place(self, path, mode=mode, encoding=encoding, **kwargs)

    FsspecLocalFileSystem.open = open_whole
    dvc.lock.DEFAULT_TIMEOUT = LOCK_SECONDS


if any(os.path.basename(word) == "dvc" for word in sys.orig_argv[1:3]):
    install()
