"""Without JavaScript: every page but the live tail works, and nothing is there that would not."""

from playwright.sync_api import expect

from receiver.contract.redis_keys import REJECTED
from tests.support.browser import Console
from tests.support.console_data import fill


def test_rejected_requests_are_dropped_and_nothing_stands_there_to_press_in_vain(
    console: Console,
) -> None:
    receipt = fill(console.valkey)
    with console.page(then=f"/n/{receipt}", java_script_enabled=False) as page:
        expect(page.get_by_role("heading", name="Send it again")).to_be_visible()
        expect(page.get_by_role("button", name="Copy")).to_have_count(0)
        page.goto(f"{console.base}/rejected")
        page.get_by_role("button", name="Drop all of these").click()
        page.get_by_label("Type 2 to drop them").fill("2")
        page.get_by_role("button", name="Drop 2 rejected requests").click()
        page.get_by_role("link", name="Look again").click()
        expect(page.locator("#progress [role=status]")).to_contain_text("2 of 2: done")
    assert console.valkey.client().xlen(REJECTED) == 0
