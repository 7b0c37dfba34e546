"""What a message of a subscriber's mailbox says, in the receiver's words."""

from typing import Any

import pytest

from receiver.carriers.att.mailbox_message import said

URL = "https://api.att.com/myMessages/v2/messages/WU124/parts/3"
PICTURE = {"contentName": "a.png", "contentType": "image/png", "type": "MMSPart", "contentUrl": URL}
LOWER = {name.lower(): value for name, value in PICTURE.items()}
SHOWN = {"part": 3, "name": "a.png", "contentType": "image/png", "kind": "mmspart"}
NAMELESS = {"part": 1, "name": None, "contentType": None, "kind": "text"}


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ([PICTURE], [SHOWN]),
        ([LOWER], [SHOWN]),
        ([PICTURE, {"type": "TEXT"}], [SHOWN, NAMELESS]),
        ([{}, {"type": "TEXT"}], [NAMELESS]),
        (["a.png", {"type": "TEXT"}], [NAMELESS]),
        (PICTURE, [SHOWN]),
        ({}, []),
        (None, []),
    ],
)
def test_an_attachment_is_its_part_name_and_types(content: Any, shown: list[Any]) -> None:
    assert said({"mmscontent": content}, "US")["attachments"] == shown


@pytest.mark.parametrize(
    ("details", "segment"),
    [
        (
            {"segmentationMsgRefNumber": 7, "thisPartNumber": "2", "totalNumberOfParts": 3},
            {"reference": 7, "part": 2, "parts": 3},
        ),
        ({"thisPartNumber": 0}, {"reference": None, "part": 0, "parts": None}),
        ({"thisPartNumber": "two"}, None),
        ({"thisPartNumber": 10**12}, None),
        ({}, None),
    ],
)
def test_a_part_of_a_long_text_says_which_it_is(details: Any, segment: Any) -> None:
    message = {"typemetadata": {"segmentationDetails": details}}
    assert said(message, "US")["segment"] == segment
