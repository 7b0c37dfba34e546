"""Times that no calendar has, as an operator's year 9999 and what another program wrote, end no
command.
"""

from pathlib import Path

import msgspec
import pytest

from receiver.contract.redis_keys import CONSENTS, SUBSCRIPTIONS, poll_state
from receiver.subscriptions.api_versions import RemoteSubscription, parse_time
from receiver.subscriptions.orders import _add_adopted
from receiver.subscriptions.slots import encode
from tests.support.command_line import here
from tests.support.polling import configured
from tests.support.subscribing import TOML, slot
from tests.support.valkey import Valkey


@pytest.mark.parametrize("command", ["list", "show fleet"])
def test_a_subscription_that_was_adopted_until_the_end_of_time_is_listed(
    valkey: Valkey, tmp_path: Path, command: str
) -> None:
    (tmp_path / "receiver.toml").write_text(TOML)
    one = slot()
    ends = parse_time("9999-12-31T23:59:59.9999999Z")
    _add_adopted(one, RemoteSubscription(id="s", ends=ends), 1_800_000_000.0)
    valkey.client().hset(SUBSCRIPTIONS, one.id, encode(one))
    done = here(tmp_path, "subscriptions", *command.split(), terminal=True, REDIS_URL=valkey.url)
    assert (done.code, "9999-12-31" in done.out) == (0, True)


def test_a_poll_whose_times_another_program_wrote_is_listed(valkey: Valkey, tmp_path: Path) -> None:
    (tmp_path / "receiver.toml").write_text(configured("http://127.0.0.1:9"))
    valkey.client().hset(poll_state("promo"), mapping={"due": 10**16, "succeeded": -(10**16)})
    done = here(tmp_path, "polls", "list", terminal=True, REDIS_URL=valkey.url)
    assert (done.code, "promo" in done.out) == (0, True)


def test_a_consent_whose_end_another_program_wrote_is_listed(
    valkey: Valkey, tmp_path: Path
) -> None:
    record = {"secret": "", "given": -(10**16), "ends": 10**16}
    valkey.client().hset(CONSENTS, "alice", msgspec.json.encode(record))
    done = here(tmp_path, "consent", terminal=True, REDIS_URL=valkey.url)
    assert (done.code, "alice" in done.out) == (0, True)
