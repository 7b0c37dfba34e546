"""What a browser fetches: little, from nobody else, and files that it has only once."""

import re
import time

from starlette.testclient import TestClient

from tests.support.console_data import fill
from tests.support.console_history import fill_history
from tests.support.valkey import Valkey


def test_the_first_page_is_below_60_kb_and_asks_no_other_host(
    operator: TestClient, valkey: Valkey
) -> None:
    fill(valkey)
    fill_history(valkey.client(), 2_880, int(time.time() * 1000))
    page = operator.get("/?hours=48")
    files = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text))
    assert len(files) == 4
    answers = [page, *(operator.get(address) for address in files)]
    assert sum(int(answer.headers["content-length"]) for answer in answers) < 60_000
    assert not re.search(r'(?:src|href|action)="(?:\w+:)?//', page.text)


def test_a_file_that_a_browser_has_is_not_sent_again(operator: TestClient) -> None:
    first = operator.get("/static/console.css")
    again = operator.get("/static/console.css", headers={"if-none-match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
