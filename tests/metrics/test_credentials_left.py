"""`receiver_credential_days_left`: a rotation is no alarm once its new token is used."""

import time

from receiver.auth.bearer import Credential
from receiver.auth.credential_store import add
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
