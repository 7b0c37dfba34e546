"""`receiver up --demo` prints a link, and one click shows the samples as they came out."""

import re
import socket
from pathlib import Path

import urllib3

from tests.support.commands import free_port
from tests.support.eventually import eventually
from tests.support.up import Up

CLICK = {"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"}


def listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def test_one_click_shows_the_samples_as_they_came_out(tmp_path: Path) -> None:
    with Up(tmp_path, terminal=True) as up, urllib3.PoolManager(retries=False) as http:
        up.events(3)
        link = r"Watch it: (http://127\.0\.0\.1:(\d+)/login\?token=\S+)"
        found = eventually(lambda: re.search(link, up.said()))
        assert found
        assert int(found[2]) == up.console
        eventually(lambda: listens(up.console))  # it is not waited for as long as it takes
        answer = http.request("GET", found[1], headers=CLICK, redirect=False)
        assert (answer.status, answer.headers["location"]) == (303, "/live?since=start")
        cookie = {"Cookie": answer.headers["set-cookie"].split(";")[0]}
        base = f"http://127.0.0.1:{up.console}"

        def published() -> bool:
            page = http.request("GET", f"{base}/live", headers=cookie).data
            return page.count(b'good">published<') == 3

        eventually(published)
        web = http.request("GET", f"http://127.0.0.1:{up.environ['PORT']}/login")
        assert web.status == 404
        again = http.request("GET", found[1], headers=CLICK, redirect=False)
        assert again.status == 403


def test_without_its_port_the_console_is_left_out_and_all_else_works(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with Up(tmp_path, console=str(taken.getsockname()[1])) as up:
            up.events(3)
            assert "No console: 127.0.0.1" in up.said()
            assert "Watch it" not in up.said()


def test_the_console_leaves_the_web_process_its_port(tmp_path: Path) -> None:
    port = str(free_port())
    with Up(tmp_path, console=port, PORT=port) as up:
        up.events(3)
        assert "No console: 127.0.0.1" in up.said()
        assert "console.ready" not in up.said()
