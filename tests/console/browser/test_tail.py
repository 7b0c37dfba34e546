"""The live tail in a browser: no gap under load, and all by keyboard."""

import re
import threading

from playwright.sync_api import Page, expect

from receiver.console.live import HISTORY
from tests.support.browser import Console
from tests.support.console_data import accept, fill, work

PER_SECOND = 50


def receipts(page: Page) -> list[str]:
    """Of the rows that are shown, the oldest first."""
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('#live tr')].map(row => row.dataset.receipt).reverse()"
    )
    return found


class Sender(threading.Thread):
    """Sends as many notifications a second until it is told to stop."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.sent: list[str] = []
        self.stopped = threading.Event()
        self._valkey = console.valkey

    def run(self) -> None:
        while not self.stopped.wait(1 / PER_SECOND):
            self.sent.append(accept(self._valkey, len(self.sent)))


def test_pause_and_resume_leave_no_gap_while_fifty_a_second_come(console: Console) -> None:
    with console.page(then="/live") as page:
        state = page.locator("#live-state")
        expect(state).to_have_text("live")
        sender = Sender(console)
        sender.start()
        expect(page.locator("#live tr").nth(20)).to_be_visible()
        page.get_by_role("button", name="Pause").click()
        shown = receipts(page)
        expect(state).to_have_text(re.compile(r"paused, [5-9]\d new"))
        assert receipts(page) == shown
        sender.stopped.set()
        sender.join()
        expect(state).to_have_text(f"paused, {len(sender.sent) - len(shown)} new")
        page.get_by_role("button", name="Resume").click()
        expect(page.locator("#live tr")).to_have_count(len(sender.sent))
        assert receipts(page) == sender.sent


def test_a_tab_that_was_hidden_has_what_came_meanwhile(console: Console) -> None:
    with console.page(then="/live") as page:
        expect(page.locator("#live-state")).to_have_text("live")
        sent = [accept(console.valkey, 1)]
        expect(page.locator("#live tr")).to_have_count(1)
        hide(page, hidden=True)
        sent += [accept(console.valkey, number) for number in range(2, 9)]
        hide(page, hidden=False)
        expect(page.locator("#live tr")).to_have_count(8)
        assert receipts(page) == sent


def test_a_tab_that_was_hidden_too_long_says_how_many_it_skipped(console: Console) -> None:
    with console.page(then="/live") as page:
        expect(page.locator("#live-state")).to_have_text("live")
        accept(console.valkey, 0)
        expect(page.locator("#live tr")).to_have_count(1)
        hide(page, hidden=True)
        for number in range(1, HISTORY + 31):
            accept(console.valkey, number)
        hide(page, hidden=False)
        expect(page.locator("#live-state")).to_have_text("live, 30 skipped")


def hide(page: Page, *, hidden: bool) -> None:
    """What a browser tells a page whose tab goes to the back."""
    page.evaluate(
        "value => { Object.defineProperty(document, 'hidden', {value, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )


def test_the_keyboard_is_enough(console: Console) -> None:
    fill(console.valkey)
    with console.page(then="/live") as page:
        expect(page.locator("#live-state")).to_have_text("live")
        second = page.locator("#live tr").nth(1).get_attribute("data-receipt")
        for key in "jjjk":
            page.keyboard.press(key)
        page.keyboard.press("Space")
        expect(page.get_by_role("button", name="Resume")).to_be_visible()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/n/{second}")
        for keys, path in {"gd": "/dead-letters", "gl": "/live", "go": "/"}.items():
            for key in keys:
                page.keyboard.press(key)
            page.wait_for_url(console.base + path)
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        page.keyboard.press("/")
        page.wait_for_url("**/search")
        page.keyboard.type("jg/?")  # in a field they are letters
        expect(page.get_by_label("number, message id")).to_have_value("jg/?")


def test_all_that_came_while_it_was_paused_is_shown_on_resume(console: Console) -> None:
    with console.page(then="/live") as page:
        state = page.locator("#live-state")
        expect(state).to_have_text("live")
        page.get_by_role("button", name="Pause").click()
        sent: list[str] = []
        for hundred in range(4):  # no more at a time than wait for a viewer
            sent += [accept(console.valkey, 100 * hundred + number) for number in range(100)]
            expect(state).to_have_text(f"paused, {len(sent)} new")
        page.get_by_role("button", name="Resume").click()
        expect(state).to_have_text("live")
        assert receipts(page) == sent


def test_while_redis_is_gone_the_tail_does_not_look_as_if_nothing_came(console: Console) -> None:
    with console.page(then="/live") as page:
        state = page.locator("#live-state")
        expect(state).to_have_text("live")
        console.valkey.kill()
        try:
            expect(state).to_have_text("live: Redis does not answer")
        finally:
            console.valkey.restart()
        expect(state).to_have_text("live")
        sent = [accept(console.valkey, 1)]
        expect(page.locator("#live tr")).to_have_count(1)
        assert receipts(page) == sent


def test_who_stands_on_a_row_stays_there_when_its_outcome_comes(console: Console) -> None:
    with console.page(then="/live") as page:
        expect(page.locator("#live-state")).to_have_text("live")
        receipt = accept(console.valkey, 1)
        row = page.locator(f"#live tr[data-receipt='{receipt}']")
        mark, link = row.locator(".mark"), row.locator("a").last
        expect(mark).to_have_text("kept")
        page.keyboard.press("j")
        link.focus()
        work(console.valkey)
        expect(mark).to_have_text("published")
        expect(link).to_be_focused()
        expect(row).to_have_class(re.compile(r"\bhere\b"))
