"""Every page in light, in dark and on a phone: nothing that axe-core finds, a silent console."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page

from receiver.auth import credential_store
from receiver.console.pages import ROUTES
from receiver.contract.redis_keys import DEAD_LETTERS, REJECTED
from tests.support.browser import Console, violations
from tests.support.console_data import fill

PLAIN = sorted({route.path for route in ROUTES if "GET" in (route.methods or ())})
PLAIN = [path for path in PLAIN if not re.search("{|/stream$|^/export/|^/charts$", path)]
STORED = (DEAD_LETTERS, REJECTED)
PHONE = {"viewport": {"width": 390, "height": 844}}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", **PHONE},
}


def too_wide(page: Page) -> bool:
    found: bool = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return found


def faults(page: Page, base: str, paths: list[str]) -> dict[str, list[str]]:
    found = {}
    for path in paths:
        page.goto(base + path)
        found[path] = violations(page) + (["is wider than the screen"] if too_wide(page) else [])
    return {path: said for path, said in found.items() if said}


def test_a_page_of_each_kind_is_tried() -> None:
    assert {"/", "/live", "/search", "/dead-letters", "/sinks", "/audit", "/login"} <= {*PLAIN}


@pytest.mark.parametrize("look", LOOKS)
def test_all_can_read_and_use_each_page(console: Console, look: str) -> None:
    published = fill(console.valkey)
    client: Any = console.valkey.client()
    letter, refused = (client.xrevrange(name, count=1)[0][0].decode() for name in STORED)
    (credential, *_) = credential_store.all_stored(client)
    paths = [
        *PLAIN,
        f"/credentials/{credential.id}",
        *(f"/n/{published}", "/sinks/billing", "/listeners/promo"),
        *(f"/dead-letters/{letter}", f"/rejected/{refused}"),
    ]
    with console.page(**LOOKS[look]) as page:
        assert faults(page, console.base, paths) == {}


def test_all_can_read_and_use_each_page_of_an_empty_store(console: Console) -> None:
    with console.page(**LOOKS["phone"]) as page:
        assert faults(page, console.base, PLAIN) == {}


def test_what_is_wrong_with_a_page_is_found(console: Console) -> None:
    with console.tab(f"{console.base}/login", **LOOKS["phone"]) as page:
        page.evaluate("document.documentElement.lang = ''")
        page.evaluate("document.body.append('x'.repeat(999))")
        (said,) = violations(page)
        assert said.startswith("html-has-lang:")
        assert too_wide(page)
