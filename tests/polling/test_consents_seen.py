"""A consent that ends is seen in time: in the metrics, and by the doctor."""

import base64
from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from receiver.contract.redis_keys import CONSENTS
from receiver.doctor.polls import consents
from receiver.metrics import snapshot
from receiver.metrics.exposition import exposition
from receiver.polling.mailbox.consent_record import Consent
from tests.support.polled_mailbox import PolledMailbox
from tests.support.valkey import Valkey

DAY = 86_400


def seen(alice: PolledMailbox) -> tuple[float, list[tuple[str, str]]]:
    """The days that the metrics tell, and what the doctor finds."""
    found = snapshot.read(alice.redis, ["alice"])
    text = exposition(found, None, alice.settings, ready=True).decode()
    (days,) = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "receiver_consent_days_left"
    ]
    findings = [*consents(alice.settings, found)]
    return days, [(one.severity, one.what) for one in findings]


def test_the_days_that_are_left_are_told_and_found(valkey: Valkey, tmp_path: Path) -> None:
    alice = PolledMailbox(valkey, tmp_path, "https://gateway.example.com")
    named = "the consent to read the mailbox of the poll alice"
    assert seen(alice) == (0.0, [("serious", f"{named} was never given")])
    now = int(alice.redis.time()[0])

    def ends(days: float, refused: str = "") -> None:
        one = Consent(secret="x", given=now, ends=int(now + days * DAY), refused=refused)
        alice.redis.hset(CONSENTS, "alice", msgspec.json.encode(one))

    ends(60)
    days, findings = seen(alice)
    assert (round(days), findings) == (60, [])
    ends(13)
    days, findings = seen(alice)
    assert (round(days), findings) == (13, [("warning", f"{named} ends in 13 days")])
    ends(60, "invalid_grant")
    refused = f"{named} was refused by the gateway (invalid_grant)"
    assert seen(alice) == (0.0, [("serious", refused)])
    ends(-1)
    assert seen(alice) == (0.0, [("serious", f"{named} has ended")])


def test_keys_that_are_not_set_are_found(valkey: Valkey, tmp_path: Path) -> None:
    alice = PolledMailbox(valkey, tmp_path, "https://gateway.example.com")
    alice.more["RECEIVER_SECRET_KEYS"] = ""
    assert seen(alice)[1][-1][1].startswith("RECEIVER_SECRET_KEYS is not set")
    alice.more["RECEIVER_SECRET_KEYS"] = base64.b64encode(b"k" * 32).decode()
    assert len(seen(alice)[1]) == 1
