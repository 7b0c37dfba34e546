"""`receiver_credential_days_left`: a rotation is no alarm once its new token is used."""

import time

from receiver.auth.bearer import Credential
from receiver.auth.credential_store import add, all_stored
from receiver.contract.redis_keys import CREDENTIALS_USED
from tests.metrics.test_metrics import scraped, value
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo

DAY = 86400.0


def _left(receiver: Receiver, label: str) -> float:
    found = value(scraped(receiver), "receiver_credential_days_left", credential=label)
    assert found is not None
    return found


def test_the_end_of_a_token_is_told_until_the_one_after_it_is_used(receiver: Receiver) -> None:
    client, now = receiver.redis, time.time()
    add(client, "old", Credential(label="att", listener="promo", expires=now + 6 * DAY))
    add(client, "new", Credential(label="att", listener="promo", expires=now + 365 * DAY))
    add(client, "over", Credential(label="att", listener="promo", expires=now - DAY))
    receiver.start_web()
    assert _left(receiver, "att") < 0
    bearer = {"Authorization": "Bearer new"}
    receiver.acknowledged("/att/sms/mo/promo", mo(), headers=bearer)
    assert eventually(lambda: (left := _left(receiver, "att")) > 7 and left) > 364


def test_only_what_takes_its_place_hides_the_end_of_a_token(receiver: Receiver) -> None:
    client, soon = receiver.redis, time.time() + 3 * DAY
    records = {
        "a": Credential(label="listener", listener="promo", expires=soon),
        "b": Credential(label="listener", listener="other"),
        "c": Credential(expires=soon),
        "d": Credential(),
        "e": Credential(label="alike", expires=soon),
        "f": Credential(label="alike", expires=soon),
        "g": Credential(label="last", expires=soon),
        "h": Credential(label="last", expires=soon - DAY),
    }
    for token, record in records.items():
        add(client, token, record)
    digests = [one.digest for one in all_stored(client)]
    client.hset(CREDENTIALS_USED, mapping=dict.fromkeys(digests, str(time.time())))
    receiver.start_web()
    for label in ("listener", "unnamed", "alike", "last"):
        assert 2.9 < _left(receiver, label) < 3, label
