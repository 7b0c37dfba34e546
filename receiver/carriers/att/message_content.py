"""The text of a message, in each of the forms in which its content may be written.

OMA REST NetAPI Messaging 1.0 has `inboundSMSTextMessage` and `inboundMMSMessage`; Telia's Opaali
adds `inboundSMSBase64Message` ("Binary Message Extensions", 2019): message_payload and data_coding
as SMPP has them.
"""

import binascii
from typing import Final

from receiver.carriers.att.items import Fields, blank, fields_of, optional_text, text
from receiver.carriers.formats.charset import strictly

_CODINGS: Final = {"3": "cp1252", "8": "utf_16_be"}
"""SMPP 3.4, section 5.2.19: Latin-1 and UCS-2. Opaali reads the others as UTF-8, and so do we."""
_FORMS: Final = ("inboundsmstextmessage", "inboundsmsbase64message", "inboundmmsmessage")
_MMS_TEXTS: Final = ("message", "bodytext", "subject")


def message_text(fields: Fields) -> str:
    """Return the text of a message; of a multimedia message the subject, of a binary one its
    decoded octets, else the base64 that came. All of it is in `raw`. Raises `Rejected`.
    """
    if fields.keys().isdisjoint(_FORMS):
        return text(fields, "message", "Message")
    if inner := fields_of(fields.get("inboundsmstextmessage")):
        return text(inner, "message", "Message")
    if inner := fields_of(fields.get("inboundsmsbase64message")):
        return _octets(text(inner, "message", "Message"), inner)
    if inner := fields_of(fields.get("inboundmmsmessage")):
        texts = (optional_text(inner, name, name) for name in _MMS_TEXTS)
        return next((found for found in texts if found and not blank(found)), "")
    return text(fields, "message", "Message")


def _octets(encoded: str, inner: Fields) -> str:
    coding = optional_text(inner, "datacoding", "dataCoding") or ""
    try:
        octets = binascii.a2b_base64(encoded)
    except ValueError:
        return encoded
    found = strictly(octets, _CODINGS.get(coding.strip(), "utf_8"))
    return encoded if found is None or _is_binary(found) else found


def _is_binary(found: str) -> bool:
    return any(character < " " and character not in "\t\r\n" for character in found)
