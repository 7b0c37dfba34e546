"""What a listener and a request say of the place that a message comes from."""

from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from receiver.carriers import att
from receiver.carriers.carrier import Request
from receiver.config.settings import Settings, SettingsError, load
from receiver.contract.records import Notification
from receiver.web.content_type import content_type as read_content_type


def listener(folder: Path, *lines: str) -> Settings:
    path = folder / "receiver.toml"
    path.write_text("\n".join(["[[listener]]", 'name = "globe"', *lines]))
    return load({"RECEIVER_CONFIG": str(path)})


def test_a_listener_has_a_zone_and_a_region(tmp_path: Path) -> None:
    settings = listener(tmp_path, 'zone = "Asia/Manila"', 'region = "PH"')
    assert settings.place("globe") == (ZoneInfo("Asia/Manila"), "PH")
    assert settings.place("another") == (UTC, "US")
    assert listener(tmp_path).place("globe") == (UTC, "US")


@pytest.mark.parametrize("region", ["ph", "Philippines", "001", "XX", ""])
def test_a_region_that_is_no_country_is_refused_at_start(tmp_path: Path, region: str) -> None:
    with pytest.raises(SettingsError, match=r"listener 'globe', region: .* such as US or PH"):
        listener(tmp_path, f'region = "{region}"')


@pytest.mark.parametrize("content_type", ["", "application/json"])
def test_a_character_set_may_stand_in_content_encoding(content_type: str) -> None:
    body = '{"SenderAddress": "1", "Message": "Её"}'.encode("cp1251")
    headers = [(b"content-type", content_type.encode()), (b"content-encoding", b"Windows-1251")]
    kept = read_content_type(headers, body)
    reading = att.MESSAGES.read(Request(kept, headers, body))
    notification = Notification("att.sms.mo", "globe", "r", 0, kept, reading.accepted[0])
    (event,) = att.MESSAGES.normalise(notification, UTC, "PH")
    assert event.data["text"] == "Её"


def test_an_encoding_that_is_no_character_set_changes_nothing() -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-encoding", b"aes128gcm, identity")]
    body = b'{"SenderAddress": "1", "Message": "m"}'
    assert read_content_type(headers, body) == "text/plain"
