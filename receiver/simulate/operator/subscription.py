"""A subscription as the operator keeps it."""

import asyncio
from datetime import datetime
from typing import Any

from msgspec import Struct

from receiver.simulate.operator.creation import Wanted
from receiver.simulate.operator.dialects import Dialect


class Subscription(Struct, kw_only=True):
    """One subscription, live or ended."""

    id: str
    dialect: Dialect
    wanted: Wanted
    owner: str
    """The client whose access token created it; nobody else sees it."""
    device: dict[str, Any]
    """With the one identifier that is used."""
    from_token: bool
    """The access token says which device it is: no answer and no event names it."""
    created: datetime
    starts: datetime
    ends: datetime | None
    status: str
    sent: int = 0
    """Events that count against `subscriptionMaxEvents`."""
    last_delivery: "asyncio.Task[None] | None" = None
    """Each delivery of a subscription waits for the one before."""

    @property
    def live(self) -> bool:
        """Return whether the subscription sends notifications, or will."""
        return self.status in ("ACTIVATION_REQUESTED", "ACTIVE")

    @property
    def there(self) -> bool:
        """Return whether the subscription can be read and deleted: also while it is INACTIVE."""
        return self.live or self.status == "INACTIVE"
