"""A search in a browser: results come as they are found, and whoever has enough stops it."""

import re

from playwright.sync_api import expect

from receiver.contract.redis_keys import EVENTS
from tests.support.browser import Console, violations
from tests.support.console_data import accept, work

MANY = 300_000
A_SCRIPT = 10_000
"""Of one script: who waits for Redis behind a longer one takes it for silent."""
FILL = """
for i = 1, tonumber(ARGV[1]) do
    redis.call('XADD', KEYS[1], '*', 'event', '{"receiptid":"","data":{"text":"no such thing"}}')
end
"""


def test_what_is_found_is_shown_at_once_and_the_rest_is_not_waited_for(console: Console) -> None:
    client = console.valkey.client(socket_timeout=60)
    for _ in range(MANY // A_SCRIPT):
        client.eval(FILL, 1, EVENTS, A_SCRIPT)
    receipt = accept(console.valkey, 1)
    work(console.valkey)
    with console.page(then="/search") as page:
        page.get_by_label("number, message id").fill("private words")
        # Not until the page is whole, as `click` would: it is long before it is.
        page.get_by_role("button", name="Search").click(no_wait_after=True)
        expect(page.locator(f"tr[data-receipt='{receipt}']")).to_be_visible()
        expect(page.locator("tr.progress").last).to_be_visible()
        stop = page.get_by_role("button", name="Stop")
        stop.click()
        expect(stop).to_be_hidden()
        far = page.locator("tr.progress").last
        expect(far).to_have_text(re.compile(r"1 found among [\d\u202f]+ events, back to .+ UTC"))
        looked_at = re.sub(r"\D", "", far.inner_text().split("among")[1].split("events")[0])
        assert 0 < int(looked_at) < MANY
        expect(page.get_by_role("button", name="Keep looking")).to_be_focused()
        assert violations(page) == []
        page.keyboard.press("Enter")
        expect(page.locator("tr.progress").last).to_have_text(re.compile("0 found among"))


def test_what_is_found_is_gone_through_by_keyboard(console: Console) -> None:
    client = console.valkey.client(socket_timeout=60)
    found = []
    for number in (1, 2):
        found.append(accept(console.valkey, number))
        work(console.valkey)
        client.eval(FILL, 1, EVENTS, 1_000)  # each is found in a step of its own
    with console.page(then="/search") as page:
        page.get_by_label("number, message id").fill("private words")
        page.get_by_role("button", name="Search").click()
        expect(page.locator("[data-ended]")).to_be_attached()
        page.wait_for_load_state()  # the keys are read from then on
        page.get_by_role("heading", name="Search").click()
        for _ in found:
            page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/n/{found[0]}")
