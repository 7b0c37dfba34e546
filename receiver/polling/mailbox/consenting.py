"""From the address that a subscriber's browser was sent to, to a stored consent."""

import hashlib
import re
import time
from typing import Final
from urllib.parse import parse_qs

from receiver.outbound import Grant, NotSent, OAuthV4, TokenRefused, Unanswered, is_passing
from receiver.polling.mailbox.consent_record import Consent
from receiver.polling.mailbox.consent_token import tokens_of
from receiver.polling.mailbox.consents import Consents, ends

_CODE: Final = re.compile(r"[\x21-\x7e]{1,4096}").fullmatch
_WORD: Final = re.compile(r"[a-z_]{1,40}").fullmatch


class NoConsentGiven(Exception):
    """There is nothing to store; the message says why and what to do, without the code."""


def code_in(pasted: str) -> str:
    """Return the code in an address, or one pasted by itself. Raises `NoConsentGiven`."""
    text = pasted.strip()
    query = text.partition("?")[2].partition("#")[0]
    members = parse_qs(query) if "?" in text else {"code": [text]}
    if error := members.get("error"):
        word = error[0] if _WORD(error[0]) else "an error"
        raise NoConsentGiven(f"the subscriber has not consented ({word})")
    code = members.get("code", [""])[0]
    if not _CODE(code) or "://" in code:
        raise NoConsentGiven("the address with ?code=… is wanted, all of it")
    return code


async def exchange(poll: str, code: str, consents: Consents, oauth: OAuthV4) -> Consent:
    """Store the consent that a code is for; it is exchanged once. Raises `NoConsentGiven`."""
    digest = hashlib.sha256(code.encode()).hexdigest()
    if not await consents.claim_code(digest):
        raise NoConsentGiven("this code was exchanged before, and is good once: begin anew")
    grant = await _exchanged(oauth, code, consents, digest)
    if not grant.refresh_token:
        raise NoConsentGiven("the gateway gave no refresh token, so there is nothing to keep")
    began = time.time()
    refresh, ends_at = ends(None, grant.refresh_token, began)
    consent = consents.sealed(tokens_of(grant, refresh, began), int(began), ends_at)
    await consents.write(poll, None, consent)
    return consent


async def _exchanged(oauth: OAuthV4, code: str, consents: Consents, digest: str) -> Grant:
    try:
        return await oauth.code(code)
    except TokenRefused as error:
        await consents.release_code(digest)  # whether it is good yet its gateway knows
        if is_passing(error.status):
            raise NoConsentGiven(
                f"the gateway cannot answer now ({error.status}): paste it again later"
            ) from None
        why = (
            "too old, or used before?" if error.error == "invalid_grant" else "see docs/polling.md"
        )
        raise NoConsentGiven(f"the gateway refused the code: {error.error}; {why}") from None
    except NotSent as error:
        await consents.release_code(digest)
        raise NoConsentGiven(f"the gateway was not reached ({error}): paste it again") from None
    except Unanswered as error:
        raise NoConsentGiven(
            f"no answer ({error}): the code may have been used, so begin anew"
        ) from None
