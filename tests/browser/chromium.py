"""Find a Chromium for the browser tests, or install one: `python -m tests.browser.chromium`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """Return the path of an installed Chromium or Chrome, or of Playwright's own; None without."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        bundled = playwright.chromium.executable_path
    return bundled if Path(bundled).exists() else None


def install() -> None:
    """Install Chromium: Debian's package as root on Debian, Playwright's build elsewhere.

    Raises subprocess.CalledProcessError when the installer fails.
    """
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "-qq", "update"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(
            ["apt-get", "-qq", "install", "-y", "--no-install-recommends", "chromium"],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
    else:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True)


def main() -> int:
    """Leave a usable Chromium behind; print what was done, and the fix when it cannot be."""
    if find():
        return 0
    print("==> installing Chromium for the browser tests (about a minute)", flush=True)
    try:
        install()
    except (OSError, subprocess.CalledProcessError) as error:
        print(
            f"Chromium could not be installed ({error}): install the package chromium, "
            "then run make test again.",
            file=sys.stderr,
        )
        return 1
    return 0 if find() else 1


if __name__ == "__main__":
    raise SystemExit(main())
