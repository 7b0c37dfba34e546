"""Counts of the requests to one operator, and what its answers say of it and its clock."""

import time
from collections import Counter

from receiver.outbound.access_token import TokenRefused
from receiver.outbound.answers import Answer, NotSent, Unanswered, is_passing


class Traffic:
    """What one process has sent and how it was answered; whoever stores the counts clears them."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        """Status, `not-sent` or `unanswered` -> requests."""
        self.succeeded = 0.0
        """When the last 2xx came, in seconds since 1970; 0: none yet."""
        self.unauthorised = ""
        """Why the operator does not accept us, or gives no access token, by its latest answer;
        empty: it does."""
        self.seconds_ahead: float | None = None
        """How far the operator's clock is ahead of ours, by the latest answer with a Date (RFC
        9110, 6.6.1), to a second; None: no answer had one.
        """

    def answered(self, answer: Answer) -> None:
        """Count a complete answer."""
        now = time.time()
        code = f"{answer.status} {answer.code}".rstrip()
        self.unauthorised = f"{code}: who we are is not accepted" if answer.status == 401 else ""
        self.requests[str(answer.status)] += 1
        if 200 <= answer.status < 300:
            self.succeeded = now
        if (ahead := answer.seconds_ahead) is not None:
            self.seconds_ahead = ahead

    def failed(self, error: NotSent | Unanswered) -> None:
        """Count a request that has no answer."""
        if isinstance(error, TokenRefused) and error.status and not is_passing(error.status):
            self.unauthorised = str(error)
        self.requests["not-sent" if isinstance(error, NotSent) else "unanswered"] += 1
