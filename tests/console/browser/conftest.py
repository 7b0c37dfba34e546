"""One browser and one console for all of these tests that a process runs in a row."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support import browser as browsers
from tests.support.browser import Console
from tests.support.valkey import Valkey

TOML = '[[listener]]\nname = "promo"\n\n[[listener]]\nname = "alerts"\n'


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with browsers.chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def started(
    chromium: Browser, _shared_valkey: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Console]:
    directory: Path = tmp_path_factory.mktemp("console")
    with browsers.console(_shared_valkey, chromium, directory, TOML) as console:
        yield console


@pytest.fixture
def console(started: Console, valkey: Valkey) -> Iterator[Console]:
    """A console before a Valkey with nothing in it. Its browser's console stays silent."""
    started.noise.clear()
    yield started
    assert started.noise == []
