"""The shop under gunicorn on SQLite, and a headless Chromium to look at it.

TOPOLOGY=Microservices, or Monolith, runs all of the tests on that alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import find
from tests.support.topologies import MICROSERVICES, MONOLITH, Running, microservices, monolith

ON_BOTH = {"test_stories", "test_api_guide", "test_jobs"}
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run all tests on the whole shop, and those of whole stories on three services as well."""
    if "running" not in metafunc.fixturenames:
        return
    chosen = os.environ.get("TOPOLOGY")
    both = metafunc.module.__name__.rpartition(".")[2] in ON_BOTH
    topologies = [chosen] if chosen else [MONOLITH, MICROSERVICES] if both else [MONOLITH]
    metafunc.parametrize("running", topologies, indirect=True, scope="session")


@pytest.fixture(scope="session")
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Give a running shop with sample books, in a topology."""
    run = {MONOLITH: monolith, MICROSERVICES: microservices}[request.param]
    with run(tmp_path_factory.mktemp("shop")) as running:
        yield running


@pytest.fixture
def shop(running: Running) -> str:
    """Give the address of the running shop."""
    return running.url


# Not of the session: Playwright's event loop would go on in the tests of asyncio that follow.
@pytest.fixture(scope="module")
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
