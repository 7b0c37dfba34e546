"""The kind `att-messages`: one subscriber's mailbox."""

import time
from functools import partial
from typing import Final

from receiver.carriers import att
from receiver.config.polls import AttMessagesPoll
from receiver.outbound import Action, NotSent, TokenRefused, Unanswered
from receiver.polling.mailbox import connect
from receiver.polling.mailbox.api import NoIndex, Refused, Stopping
from receiver.polling.mailbox.changes import Changes
from receiver.polling.mailbox.consent_token import NoConsent
from receiver.polling.mailbox.consents import KeyMissing
from receiver.polling.mailbox.mailbox import Mailbox, NotYet
from receiver.polling.mailbox.progress import ProgressStore
from receiver.polling.mailbox.shapes import NotUnderstood
from receiver.polling.pages import no_token
from receiver.polling.rounds import Kind, Outcome, Round, Site

_ASKED: Final = "/myMessages/v2/delta"
_MEANS: Final[dict[Action, Outcome]] = {
    Action.OUR_FAULT: "unauthorised",
    Action.RENEW: "unauthorised",
    Action.RENEW_THEN_BACK_OFF: "throttled",
    Action.STOP: "unauthorised",
    Action.REPEAT: "unreachable",
}


class MailboxPoll(Kind):
    """One mailbox. Reading it removes nothing, so a round that fails is done again."""

    def __init__(self, poll: AttMessagesPoll, site: Site) -> None:
        self._poll = poll
        self._site = site
        append = partial(site.append, att.MAILBOX_CHANGES, asked=_ASKED)
        changes = partial(Changes, poll.mailbox, append, text=poll.text)
        self._mailbox = Mailbox(poll.name, ProgressStore(site.redis, poll.name), changes)

    async def round(self) -> Round:
        """Follow the mailbox to where it is now."""
        site, count = self._site, 0
        try:
            async with connect.mailbox_api(
                site.settings, self._poll, site.redis, site.stopping
            ) as api:
                count = await self._mailbox.round(api)
            done = Round("messages" if count else "empty")
        except NotYet as early:
            done = Round("skipped", str(early), early.seconds)
        except NoIndex:
            done = Round("skipped", "the gateway has lost the mailbox' index meanwhile", 1.0)
        except (KeyMissing, NoConsent) as error:
            done = Round("unauthorised", str(error))
        except NotUnderstood as error:
            done = Round("unreadable", f"the gateway's answer is none: {error}")
        except Refused as error:
            outcome = "throttled" if error.error.status == 429 else _MEANS.get(error.error.action)
            said, wait = f"the gateway answered {error}", error.retry_after
            done = Round(outcome or "refused", said, retry_after=wait)
        except Stopping as end:
            done = Round("skipped", str(end), 0.0)
        except TokenRefused as error:
            none = no_token(error)
            done = Round(none.outcome, none.trouble, retry_after=none.retry_after)
        except (NotSent, Unanswered) as error:
            done = Round("unreachable", str(error))
        receipt = site.shelf.receipts.new(time.time_ns() // 1_000_000)
        await site.store.count(receipt, done.outcome, count)
        return done
