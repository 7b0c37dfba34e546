"""Every page in light, in dark and on a phone: nothing that axe-core finds, a silent console."""

import re
import time
from collections.abc import Iterator
from typing import Any

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
LIGHT: dict[str, Any] = {"color_scheme": "light", "viewport": {"width": 1280, "height": 720}}
LOOKS: dict[str, dict[str, Any]] = {
    "light": LIGHT,
    "dark": LIGHT | {"color_scheme": "dark"},
    "phone": LIGHT | {"viewport": {"width": 390, "height": 844}},
}


def too_wide(page: Page) -> bool:
    found: bool = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return found


def in_each_look(page: Page) -> Iterator[str]:
    """The same page as each of them, at last as before: no script of ours asks how it is shown."""
    for name, look in (*LOOKS.items(), ("", LIGHT)):
        page.emulate_media(color_scheme=look["color_scheme"])
        page.set_viewport_size(look["viewport"])
        if name:
            yield name


def seen(page: Page) -> list[str]:
    return [*violations(page), *(["is wider than the screen"] if too_wide(page) else [])]


def faults(console: Console, page: Page, paths: list[str]) -> dict[tuple[str, str], list[str]]:
    """Of each page in each look, loaded once: half of the time is that and axe-core's first run."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        console.load(page, path)
        found |= {(path, look): seen(page) for look in in_each_look(page)}
    return {where: said for where, said in found.items() if said}


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


def test_all_can_read_and_use_each_page(console: Console) -> None:
    paths = every_page(console.valkey)
    with console.page() as page:
        assert faults(console, page, paths) == {}


def test_all_can_read_and_use_each_page_of_an_empty_store(console: Console) -> None:
    with console.page(**LOOKS["phone"]) as page:
        for path in PLAIN:
            console.load(page, path)
            assert seen(page) == [], path


def test_no_page_is_wider_than_the_narrowest_screen(console: Console) -> None:
    paths = every_page(console.valkey)
    wide = []
    with console.page(viewport={"width": 320, "height": 640}) as page:
        for path in paths:
            console.load(page, path)
            wide += [path] * too_wide(page)
    assert wide == []


def test_what_is_wrong_in_one_look_is_found_in_that_one(console: Console) -> None:
    with console.tab("/login") as page:
        page.evaluate("document.querySelector('h1').style.color = 'light-dark(#000, #222)'")
        page.evaluate("document.body.style.minWidth = '600px'")
        said = {look: " ".join(seen(page)) for look in in_each_look(page)}
    assert said["light"] == ""
    assert said["dark"].startswith("color-contrast:")
    assert said["phone"] == "is wider than the screen"


def test_what_is_wrong_with_a_page_is_found(console: Console) -> None:
    with console.tab("/login", **LOOKS["phone"]) as page:
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


def test_no_word_from_outside_makes_a_page_wider_than_the_screen(console: Console) -> None:
    story = f"/n/{fill(console.valkey)}"
    paths = [*PLAIN, story, "/listeners/promo"]
    for number, words in enumerate(WORDS):
        paths += fill_with(console.valkey, words, number)
    wide = []
    with console.page() as page:
        for path in paths:
            console.load(page, path)
            wide += [(path, look) for look in in_each_look(page) if too_wide(page)]
    assert wide == []
