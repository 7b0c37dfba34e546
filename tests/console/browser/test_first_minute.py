"""The first minute of `make run`: a link, three notifications as they come out, a story."""

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.support.eventually import eventually
from tests.support.up import Up


def test_one_click_shows_three_notifications_and_the_story_of_one(
    chromium: Browser, tmp_path: Path
) -> None:
    noise: list[str] = []
    with Up(tmp_path, terminal=True) as up:
        link = eventually(lambda: re.search(r"http://127\.0\.0\.1:\d+/login\?token=\S+", up.said()))
        assert link
        page = chromium.new_page()
        page.on("console", lambda said: noise.append(said.text))
        page.goto(link[0])
        page.wait_for_url("**/live?since=start")
        expect(page.locator("#live .mark.good")).to_have_count(3, timeout=60_000)
        expect(page.locator("#live .mark")).to_have_text(["published"] * 3)
        expect(page.get_by_text("balanced")).to_be_visible()
        expect(page.get_by_role("button", name="Send another")).to_be_visible()
        page.get_by_role("link", name="Open its story").click()
        expect(page.get_by_role("heading", name="What happened")).to_be_visible()
        expect(page.locator(".timeline strong")).to_contain_text(["received", "kept", "published"])
        page.context.close()
    assert noise == []
