"""Headless Chromium for tests of pages; CHROMIUM names another binary."""

import os
import shutil
from contextlib import contextmanager

BINARIES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium():
    """A playwright browser; fails with what to install where there is none."""
    from playwright.sync_api import sync_playwright

    binary = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BINARIES)), None)
    assert binary, "these tests drive a real browser: apt-get install chromium, or set CHROMIUM to its path"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=binary, args=FLAGS)
        yield browser
        browser.close()
