"""The pages that ask before something is done: read and answered by anybody, by keyboard alone."""

from typing import Any

from playwright.sync_api import Page, expect

from receiver.contract.redis_keys import REJECTED
from tests.console.browser.test_looks import LOOKS, in_each_look, seen
from tests.support.browser import Console
from tests.support.console_data import fill


def tab_to(page: Page, name: str) -> None:
    """Press Tab until a control of this name has the focus, which is then seen."""
    wanted = page.get_by_role("button", name=name, exact=True)
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            break
    expect(wanted).to_be_focused()
    outline = wanted.evaluate("one => getComputedStyle(one).outlineStyle")
    assert outline == "solid"


def test_all_can_read_what_is_asked(console: Console) -> None:
    fill(console.valkey)
    found: dict[tuple[str, str, str], list[str]] = {}
    with console.page() as page:
        for path in ("/rejected", "/dead-letters"):
            for button in ("Replay all of these", "Drop all of these"):
                console.load(page, path)
                page.get_by_role("button", name=button).click()
                expect(page.get_by_role("heading", level=1)).to_contain_text("?")
                found |= {(path, button, look): seen(page) for look in in_each_look(page)}
    assert {where: said for where, said in found.items() if said} == {}


def test_rejected_requests_are_dropped_by_keyboard(console: Console) -> None:
    fill(console.valkey)
    client: Any = console.valkey.client()
    with console.page(then="/rejected") as page:
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        tab_to(page, "Drop all of these")
        page.keyboard.press("Enter")
        field = page.get_by_label("Type 2 to drop them")
        expect(field).to_be_visible()
        tab_to(page, "Drop 2 rejected requests")
        page.keyboard.press("Shift+Tab")
        expect(field).to_be_focused()
        page.keyboard.type("2")
        page.keyboard.press("Enter")
        expect(page.locator("#progress [role=status]")).to_contain_text("2 of 2: done")
    assert client.xlen(REJECTED) == 0


def test_the_keys_are_shown_by_a_button_too(console: Console) -> None:
    with console.page() as page:
        tab_to(page, "Keys")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()


def test_while_the_keys_are_shown_they_do_nothing_behind_them(console: Console) -> None:
    fill(console.valkey)
    with console.page(then="/rejected") as page:
        page.keyboard.press("j")
        page.keyboard.press("?")
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Close")).to_be_focused()
        page.keyboard.press("Enter")
        expect(dialog).to_be_hidden()
        page.keyboard.press("k")
        expect(page.locator("#announce")).to_contain_text("400")  # nobody has gone elsewhere
        page.keyboard.press("Enter")
        page.wait_for_url("**/rejected/*")


def test_on_a_phone_a_row_has_all_its_cells_on_the_screen(console: Console) -> None:
    fill(console.valkey)
    with console.page(then="/rejected", **LOOKS["phone"]) as page:
        cells = page.locator(".rows tbody tr").first.locator("td")
        expect(cells).to_have_count(6)
        for box in [cell.bounding_box() for cell in cells.all()]:
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390


def test_enter_on_a_control_does_what_that_says_and_opens_no_marked_row(console: Console) -> None:
    fill(console.valkey)
    asked: list[str] = []
    with console.page(then="/live") as page:
        expect(page.locator("#live-state")).to_have_text("live")
        page.on("request", lambda request: asked.append(request.url))
        page.keyboard.press("j")
        for now, then in (("Pause", "Resume"), ("Resume", "Pause")):
            page.get_by_role("button", name=now).focus()
            page.keyboard.press("Enter")
            expect(page.get_by_role("button", name=then)).to_be_focused()
        assert asked == []
        page.get_by_role("heading", name="Live").click()
        page.keyboard.press("Enter")
        page.wait_for_url("**/n/*")
