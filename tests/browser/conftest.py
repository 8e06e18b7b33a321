"""The shop under gunicorn on SQLite, and a headless Chromium to look at it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import find
from tests.support.poll import eventually
from tests.support.ports import free_port

START_SECONDS = 60
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
)


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the running shop's database and outbox."""
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="session")
def shop(instance: Path) -> Iterator[str]:
    """Give the address of a running shop with sample books."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "INSTANCE_DIR": str(instance),
        "PAGE_CACHE_SECONDS": "0",
        # Links in mail lead there.
        "PUBLIC_URL": address,
    }
    bookstore = [sys.executable, "-m", "bookstore"]
    subprocess.run([*bookstore, "migrate"], env=environment, check=True)
    subprocess.run([*bookstore, "seed", "--books", "30"], env=environment, check=True)
    server = subprocess.Popen([*bookstore, "serve", "--bind", f"127.0.0.1:{port}"], env=environment)
    try:

        def is_ready() -> None:
            if server.poll() is not None:
                raise RuntimeError("the shop ended at its start")
            assert httpx.get(f"{address}/readyz", trust_env=False).status_code == 200

        eventually(is_ready, within=START_SECONDS, every=0.1)
        yield address
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give a headless Chromium; `python -m tests.browser.chromium` installs one."""
    path = find()
    assert path is not None, "no Chromium: run python -m tests.browser.chromium"
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Give the folder that pictures of the pages are written to."""
    folder = Path(os.environ.get("SCREENSHOTS_DIR", ".artifacts/screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def look(screenshots: Path) -> Callable[[Page, str], None]:
    """Give a way to check a page for everybody's eyes, and to keep its picture."""

    def check(page: Page, name: str) -> None:
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        width = page.evaluate("window.innerWidth")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{name} is {wide} pixels wide"
        language = page.locator("html").get_attribute("lang")
        page.screenshot(path=screenshots / f"{name}-{language}-{width}.png", full_page=True)

    return check


@pytest.fixture
def visit(browser: Browser, shop: str) -> Iterator[Callable[..., Page]]:
    """Give a way to open the shop as a new person, in a language and at a width."""
    contexts = []

    def open_shop(language: str = "es", width: int = 1280) -> Page:
        context = browser.new_context(
            base_url=shop, locale=language, viewport={"width": width, "height": 900}
        )
        contexts.append(context)
        page = context.new_page()
        page.goto("/")
        return page

    yield open_shop
    for context in contexts:
        context.close()
