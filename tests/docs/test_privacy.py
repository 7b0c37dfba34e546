"""docs/privacy.md has every key that holds the number, the words or the name of a person."""

import pytest

from receiver.contract import redis_keys
from tests.support.commands import ROOT

PAGE = (ROOT / "docs/privacy.md").read_text("utf-8")
TABLE = PAGE.partition("## What is kept")[2].partition("\n## ")[0]


@pytest.mark.parametrize(
    "key",
    [
        redis_keys.INBOUND,
        redis_keys.EVENTS,
        redis_keys.DEAD_LETTERS,
        redis_keys.REJECTED,
        redis_keys.DELIVERIES,
        redis_keys.SUBSCRIPTIONS,
        redis_keys.WATCHES,
        redis_keys.CONSENTS,
        redis_keys.CONSOLE_AUDIT,
        redis_keys.CONSOLE_SESSION,
        redis_keys.ERASE_SPOOLED,
    ],
)
def test_what_names_a_person_is_in_the_table(key: str) -> None:
    assert f"`{key}" in TABLE
