"""What is done on the page: revealed, replayed, cancelled; and by a viewer nothing."""

from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page, Route, expect

from receiver.console import audit, sessions
from receiver.contract.redis_keys import CONSOLE_AUDIT, DEAD_LETTERS, INBOUND
from receiver.operations.replay_throttle import OPEN_MOST
from tests.support.browser import Console
from tests.support.console_data import NUMBER, TEXT, bury, fill


def test_a_reveal_is_on_the_audit_trail_before_it_shows(console: Console) -> None:
    receipt = fill(console.valkey)
    client = console.valkey.client()
    client.delete(CONSOLE_AUDIT)
    written: list[audit.Entry] = []

    def watch(route: Route) -> None:
        answer = route.fetch(max_redirects=0)
        written.extend(entry for _, entry in audit.newest(client))
        route.fulfill(response=answer)

    with console.page(then=f"/n/{receipt}") as page:
        page.route("**/reveal", watch)
        expect(page.locator("body")).not_to_contain_text(NUMBER)
        expect(page.locator("body")).not_to_contain_text(TEXT)
        page.get_by_role("button", name="Reveal").click()
        expect(page.locator("pre").first).to_contain_text(NUMBER)
        expect(page.locator("pre").first).to_contain_text(TEXT)
        page.reload()
    (entry,) = written[:1]
    assert (entry.who, entry.action, entry.about) == ("ada", "reveal", receipt)


def test_nothing_shows_where_the_audit_trail_cannot_be_written(console: Console) -> None:
    receipt = fill(console.valkey)
    client = console.valkey.client()
    client.delete(CONSOLE_AUDIT)
    client.set(CONSOLE_AUDIT, "not a stream")
    with console.page(then=f"/n/{receipt}") as page:
        page.get_by_role("button", name="Reveal").click()
        expect(page.locator("main")).not_to_contain_text("Reveal")
        assert NUMBER not in page.content()
    (said,) = console.noise
    assert "503" in said
    console.noise.clear()


def test_a_viewer_sees_nobody_and_has_nothing_to_press(console: Console) -> None:
    receipt = fill(console.valkey)
    (letter, *_) = letters(console)
    paths = ["/", "/live", f"/n/{receipt}", "/dead-letters", f"/dead-letters/{letter}"]
    with console.page("viewer") as page:
        for path in [*paths, "/rejected", "/sinks/billing", "/subscriptions", "/polls"]:
            page.goto(console.base + path)
            assert forms(page) == ["/logout"], path
            assert NUMBER not in page.content()
            assert TEXT not in page.content()
        assert post(page, f"/n/{receipt}/reveal") == 403
        assert post(page, "/dead-letters/run") == 403
    console.noise.clear()  # of the refusals
    assert len(letters(console)) == 5


def test_a_thousand_dead_letters_are_replayed_with_progress_and_an_end(console: Console) -> None:
    bury(console.valkey, 1000)
    client = console.valkey.client()
    pipe = client.pipeline()
    for _ in range(OPEN_MOST - 500):  # so much is open already: half of them have room
        pipe.xadd(INBOUND, {"n": b""})
    pipe.execute()
    with console.page(then="/dead-letters") as page:
        page.get_by_role("button", name="Replay all").click()
        page.get_by_role("button", name="Replay 1\u202f000").click()
        status = page.locator("#progress [role=status]")
        expect(status).to_contain_text("waits: the workers have")
        replayed = 1000 - len(letters(console))
        assert 0 < replayed <= 500
        expect(status).to_contain_text(f"{replayed} of 1\u202f000")
        page.get_by_role("button", name="Cancel").click()
        expect(status).to_contain_text("cancelled")
        assert len(letters(console)) == 1000 - replayed
        client.delete(INBOUND)
        page.get_by_role("link", name="To the dead letters").click()
        page.get_by_role("button", name="Replay all").click()
        page.get_by_role("button", name=f"Replay {1000 - replayed}").click()
        expect(status).to_contain_text("done")
        assert letters(console) == []
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.wait_for_timeout(2_500)  # two and a half times the pause between two questions
        assert asked == []  # it has ended
    told = [(entry.action, entry.count) for _, entry in audit.newest(client)]
    left = 1000 - replayed
    again, begun = ("dead-letters.replay", left), ("dead-letters.replay", 1000)
    assert told == [again, ("task.cancel", left), begun]


def letters(console: Console) -> list[str]:
    found: Any = console.valkey.client().xrange(DEAD_LETTERS)
    return [entry.decode() for entry, _ in found]


def forms(page: Page) -> list[str]:
    """Where forms that change something lead to."""
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('form[method=post]')].map(one => one.getAttribute('action'))"
    )
    return found


def post(page: Page, path: str) -> int:
    """The answer to a form that somebody writes into the page."""
    script = "path => fetch(path, {method: 'POST', redirect: 'manual'}).then(one => one.status)"
    return msgspec.convert(page.evaluate(script, path), int)


def test_a_task_that_goes_on_takes_no_focus(console: Console) -> None:
    bury(console.valkey, 3)
    client = console.valkey.client()
    pipe = client.pipeline()
    for _ in range(OPEN_MOST + 1):  # no room for any of them
        pipe.xadd(INBOUND, {"n": b""})
    pipe.execute()
    with console.page(then="/dead-letters") as page:
        page.get_by_role("button", name="Replay all").click()
        page.get_by_role("button", name="Replay 3").click()
        cancel = page.get_by_role("button", name="Cancel")
        cancel.focus()
        for _ in range(3):
            with page.expect_response("**/tasks/*"):
                pass
        expect(cancel).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#progress [role=status]")).to_contain_text("cancelled")


def test_a_button_that_is_pressed_twice_does_it_once(console: Console) -> None:
    with console.page() as page:
        sample = page.get_by_role("button", name="Send a sample")
        box = sample.bounding_box()
        assert box
        place = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        with page.expect_request("**/sample"):
            page.mouse.click(*place)
        page.mouse.click(*place)  # it takes two seconds, and nothing has moved yet
        expect(page.get_by_role("heading", name="The sample was not taken")).to_be_visible()
        page.go_back()
        sample.click()  # what is meant anew is done anew
        expect(page.get_by_role("heading", name="The sample was not taken")).to_be_visible()
    found = audit.newest(console.valkey.client())
    assert [entry.action for _, entry in found] == ["sample", "sample"]
    console.noise.clear()  # nobody listens where the web process would


def test_a_task_is_followed_on_after_a_proxy_in_front_had_no_console(console: Console) -> None:
    bury(console.valkey, 3)
    pipe = console.valkey.client().pipeline()
    for _ in range(OPEN_MOST + 1):  # no room for any of them
        pipe.xadd(INBOUND, {"n": b""})
    pipe.execute()
    with console.page(then="/dead-letters") as page:
        page.get_by_role("button", name="Replay all").click()
        page.get_by_role("button", name="Replay 3").click()
        status = page.locator("#progress [role=status]")
        expect(status).to_contain_text("0 of 3; waits")
        page.route("**/tasks/*", lambda route: route.fulfill(status=502, body="Bad Gateway"))
        expect(page.get_by_text("The console is out of reach")).to_be_visible()
        expect(status).to_contain_text("0 of 3; waits")
        page.unroute("**/tasks/*")
        expect(page.get_by_text("The console is out of reach")).to_be_hidden()
        page.get_by_role("button", name="Cancel").click()
        expect(status).to_contain_text("cancelled")
    console.noise.clear()  # it says what it could not load


def test_an_export_of_who_is_signed_in_no_more_is_no_file_but_the_sign_in(console: Console) -> None:
    fill(console.valkey)
    with console.page(then="/dead-letters") as page:
        link = page.get_by_role("link", name="CSV", exact=True)
        with page.expect_download() as exported:
            link.click()
        assert exported.value.suggested_filename == "dead-letters.csv"
        sessions.end_all(console.valkey.client())
        link.click()
        page.wait_for_url("**/login")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize(
    ("path", "field"), [("/dead-letters", "reason has"), ("/rejected", "status"), ("/live", "type")]
)
def test_after_the_back_button_a_filter_says_what_is_shown(
    console: Console, path: str, field: str
) -> None:
    fill(console.valkey)
    with console.page(then=path) as page:
        wanted = page.get_by_label(field)
        wanted.fill("400")
        page.get_by_role("button", name="Filter").click()
        page.wait_for_url(f"**{path}?*")
        expect(wanted).to_have_value("400")
        page.go_back()
        expect(page.locator(".rows tbody tr").first).to_be_visible()
        expect(wanted).to_have_value("")


def test_who_sends_a_form_after_the_session_learns_that_nothing_was_done(console: Console) -> None:
    fill(console.valkey)
    with console.page(then="/sinks/billing") as page:
        sessions.end_all(console.valkey.client())
        page.get_by_role("button", name="Start it again").click()
        page.wait_for_url("**/login")
        expect(page.get_by_text("Nothing was done: you were not signed in")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        expect(page.get_by_text("Nothing was done")).to_have_count(0)
