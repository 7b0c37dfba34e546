"""AT&T short codes: mobile-originated SMS and delivery statuses, pushed to a listener URI.

Sources: developer.att.com/sms/docs/v3 ("Receive SMS", "Receive SMS Delivery Status"), requests
captured in 2012 and 2013, and the GSMA OneAPI and OMA forms that AT&T's are a dialect of. Neither
a content type nor a way of authenticating is documented, so neither is demanded here.
"""

from typing import Final

from receiver.carriers.att import delivery_status, mo
from receiver.carriers.callback import Callback

CALLBACKS: Final[tuple[Callback, ...]] = (mo.CALLBACK, delivery_status.CALLBACK)
