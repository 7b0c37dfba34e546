"""Every page in light, in dark and on a phone: nothing that axe-core finds, a silent console."""

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page

from receiver.auth import credential_store
from receiver.auth.bearer import Credential
from receiver.console.pages import ROUTES
from receiver.contract.records import Refusal, encode
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    EVENTS,
    HEARD,
    REJECTED,
    SINKS,
    TURNED_AWAY,
    sink_state,
)
from tests.support.browser import Console, violations
from tests.support.console_data import bury, fill, receipt
from tests.support.valkey import Valkey

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


def every_page(valkey: Valkey) -> list[str]:
    """Store something of everything; the addresses of all pages."""
    published, client = fill(valkey), valkey.client()
    stored: list[Any] = [client.xrevrange(name, count=1) for name in STORED]
    letter, refused = (found[0][0].decode() for found in stored)
    (credential, *_) = credential_store.all_stored(client)
    return [
        *PLAIN,
        f"/credentials/{credential.id}",
        *(f"/n/{published}", "/sinks/billing", "/listeners/promo"),
        *(f"/dead-letters/{letter}", f"/rejected/{refused}"),
    ]


def test_a_page_of_each_kind_is_tried() -> None:
    assert {"/", "/live", "/search", "/dead-letters", "/sinks", "/audit", "/login"} <= {*PLAIN}


@pytest.mark.parametrize("look", LOOKS)
def test_all_can_read_and_use_each_page(console: Console, look: str) -> None:
    paths = every_page(console.valkey)
    with console.page(**LOOKS[look]) as page:
        assert faults(page, console.base, paths) == {}


def test_all_can_read_and_use_each_page_of_an_empty_store(console: Console) -> None:
    with console.page(**LOOKS["phone"]) as page:
        assert faults(page, console.base, PLAIN) == {}


def test_what_is_wrong_with_a_page_is_found(console: Console) -> None:
    with console.tab(f"{console.base}/login", **LOOKS["phone"]) as page:
        page.evaluate("document.documentElement.lang = ''")
        page.evaluate("document.body.style.whiteSpace = 'nowrap'")
        page.evaluate("document.body.append('x'.repeat(999))")
        (said,) = violations(page)
        assert said.startswith("html-has-lang:")
        assert too_wide(page)


LONG = "x" * 200
WORDS = [
    LONG,
    "\u05e9\u05dc\u05d5\u05dd \u202eevil\u202c",
    "Z\u0338\u0321\u0322a\u0337" * 40,
    "\U0001f525" * 60,
]
"""Without a place to break, from right to left, with marks above each other, and emojis."""


def fill_with(valkey: Valkey, words: str, number: int) -> tuple[str, ...]:
    """What comes from outside, each field as long as it may be; the pages that show it."""
    client: Any = valkey.client()
    sink, at = f"{'s' * 60}-{number}", int(time.time() * 1000)
    bury(valkey, 1, words)
    headers = [("user-agent", words), (LONG, words)]
    refusal = Refusal(
        "att.sms.mo", "promo", receipt(500 + number, at), at, 400, words, headers, b""
    )
    entry = client.xadd(REJECTED, {"r": encode(refusal)}).decode()
    client.xgroup_create(EVENTS, f"forward:{sink}", id="0")
    client.hset(SINKS, f"{sink}:begun", 0)
    client.hset(sink_state(sink), mapping={"stopped": words, "stopped_at": 1})
    client.hset(HEARD, f"{'l' * 60}-{number}", at)
    client.hset(TURNED_AWAY, f"att.sms.mo|{words}", 1)
    name = credential_store.add(client, words, Credential(label=words[:64], expires=at / 1000))
    return (f"/rejected/{entry}", f"/sinks/{sink}", f"/credentials/{name}")


@pytest.mark.parametrize("look", ["light", "phone"])
def test_no_word_from_outside_makes_a_page_wider_than_the_screen(
    console: Console, look: str
) -> None:
    story = f"/n/{fill(console.valkey)}"
    paths = [*PLAIN, story, "/listeners/promo"]
    for number, words in enumerate(WORDS):
        paths += fill_with(console.valkey, words, number)
    wide = []
    with console.page(**LOOKS[look]) as page:
        for path in paths:
            page.goto(console.base + path)
            wide += [path] if too_wide(page) else []
    assert wide == []
