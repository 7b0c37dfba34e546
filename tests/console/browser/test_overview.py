"""The overview while numbers change: nobody loses the place where they are."""

import time

from playwright.sync_api import expect

from receiver.console import sessions
from tests.console.browser.test_looks import in_each_look, seen
from tests.support.browser import Console
from tests.support.console_data import accept, fill
from tests.support.console_history import fill_history


def test_numbers_that_change_take_no_focus_and_close_nothing(console: Console) -> None:
    fill(console.valkey)
    fill_history(console.valkey.client(), 60, int(time.time() * 1000))
    with console.page() as page:
        page.get_by_text("The same as a table").click()
        link = page.locator("#work a[href='/sinks/billing']").first
        link.focus()
        accepted = page.locator("#books dd").first
        before = int(accepted.inner_text())
        accept(console.valkey, 300)
        expect(accepted).to_have_text(str(before + 1))
        with page.expect_response(lambda answer: "part=work" in answer.url):
            pass
        expect(link).to_be_focused()
        expect(page.locator("#charts-table th[scope=row]").first).to_be_visible()


def test_who_is_signed_in_no_more_is_led_to_the_sign_in(console: Console) -> None:
    with console.page() as page:
        sessions.end_all(console.valkey.client())
        page.wait_for_url("**/login")
        expect(page.get_by_role("heading", name="Sign in")).to_have_count(1)
        expect(page.locator("#books")).to_have_count(0)


def test_numbers_of_a_console_that_does_not_answer_look_old(console: Console) -> None:
    fill(console.valkey)
    with console.page() as page:
        told = page.get_by_role("alert").get_by_text("The console is out of reach")
        expect(told).to_be_hidden()
        page.route("**/?part=*", lambda route: route.abort())
        expect(told).to_be_visible()
        assert {look: said for look in in_each_look(page) if (said := seen(page))} == {}
        page.unroute("**/?part=*")
        expect(told).to_be_hidden()
    console.noise.clear()  # it says what it could not load


def test_numbers_that_are_old_can_be_read_all_the_same(console: Console) -> None:
    fill(console.valkey)
    with console.page() as page:
        console.valkey.kill()
        try:
            expect(page.get_by_role("alert").get_by_text("Redis does not answer")).to_be_visible()
            assert {look: said for look in in_each_look(page) if (said := seen(page))} == {}
        finally:
            console.valkey.restart()


def test_the_answer_of_a_proxy_in_front_stands_in_place_of_no_number(console: Console) -> None:
    fill(console.valkey)
    with console.page() as page:
        told = page.get_by_role("alert").get_by_text("The console is out of reach")
        page.route(
            "**/?part=*", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>")
        )
        expect(told).to_be_visible()
        expect(page.locator("#books dd").first).to_be_visible()
        expect(page.locator("body")).not_to_contain_text("Bad Gateway")
        page.unroute("**/?part=*")
        expect(told).to_be_hidden()
    console.noise.clear()  # it says what it could not load
