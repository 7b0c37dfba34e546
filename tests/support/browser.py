"""Debian's Chromium before a console of its own, as somebody sits before it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Final

import pytest
import urllib3
from playwright.sync_api import Browser, Page, expect, sync_playwright

from receiver.console import sessions
from receiver.console.sessions import Link, Role
from tests.support.commands import free_port, running
from tests.support.eventually import eventually
from tests.support.valkey import Valkey

FLAGS: Final = [
    "--no-sandbox",  # root may not have one
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE: Final = (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
FOUND: Final = (
    "axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.map("
    "one => `${one.id}: ${one.nodes.map(node => node.html + ' ' + node.failureSummary).join()}`))"
)

WITHIN: Final = 30_000
"""Milliseconds that a page may take: on a busy machine its five seconds are too few."""
expect.set_options(timeout=WITHIN)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; without one the test is skipped, in CI it fails."""
    path = shutil.which("chromium")
    if path is None:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say("no chromium on PATH: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Console:
    """A `receiver console` that runs before a Valkey, and somebody with a browser."""

    def __init__(self, valkey: Valkey, browser: Browser, base: str) -> None:
        self.valkey = valkey
        self.base = base
        self.noise: list[str] = []
        """What the browser's console said: of errors, refused resources, violations."""
        self._browser = browser

    @contextmanager
    def page(self, role: Role = "operator", then: str = "/", **options: Any) -> Iterator[Page]:
        """A tab of somebody who signed in with a link."""
        token = sessions.make_link(self.valkey.client(), Link("ada", role, then))
        with self.tab(f"/login?token={token}", **options) as page:
            yield page

    @contextmanager
    def tab(self, path: str, **options: Any) -> Iterator[Page]:
        """A tab of a new profile on a page."""
        context = self._browser.new_context(**options)
        page = context.new_page()
        page.set_default_timeout(WITHIN)
        page.on("console", lambda said: self.noise.append(f"{page.url}: {said.text}"))
        page.on("pageerror", lambda error: self.noise.append(f"{page.url}: {error}"))
        self.load(page, path)
        yield page
        context.close()

    def load(self, page: Page, path: str) -> None:
        """Load a page, again while the answer is 503: on a machine that is too busy Redis may not
        be in time, and the browser's console says so.
        """
        before = len(self.noise)
        eventually(lambda: self._loaded(page, self.base + path))
        self.noise[before:] = [one for one in self.noise[before:] if "status of 503" not in one]

    @staticmethod
    def _loaded(page: Page, address: str) -> bool:
        answer = page.goto(address)
        assert answer
        assert answer.status in (200, 503), address
        return answer.ok


@contextmanager
def console(valkey: Valkey, browser: Browser, directory: Path, toml: str = "") -> Iterator[Console]:
    """A console in a process of its own, with `receiver.toml`."""
    (directory / "receiver.toml").write_text(toml)
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    environ = {"REDIS_URL": valkey.url, "RECEIVER_DATA_DIR": str(directory)}
    with running(directory, "console", "--port", str(port), **environ):
        with urllib3.PoolManager(retries=False) as http:
            eventually(lambda: _answers(http, base))
        yield Console(valkey, browser, base)


def violations(page: Page) -> list[str]:
    """What axe-core finds on a page. By the debugger's protocol: the page's policy forbids eval."""
    session = page.context.new_cdp_session(page)
    there = session.send("Runtime.evaluate", {"expression": "typeof axe"})
    if there["result"]["value"] == "undefined":  # a page has it until the next one is loaded
        session.send("Runtime.evaluate", {"expression": AXE})
    asked = {"expression": FOUND, "awaitPromise": True, "returnByValue": True}
    answer = session.send("Runtime.evaluate", asked)
    session.detach()
    found: list[str] = answer["result"]["value"]
    return found


def _answers(http: urllib3.PoolManager, base: str) -> bool:
    try:
        return http.request("GET", f"{base}/login").status == 200
    except urllib3.exceptions.HTTPError:
        return False
