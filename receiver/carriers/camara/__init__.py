"""CAMARA notifications: CloudEvents of any CAMARA API, from any operator, pushed to our `sink`.

Sources: the callbacks in the OpenAPI files of camaraproject's repositories in all their versions,
Commonalities' event guide, the CloudEvents 1.0.2 specification with its JSON format and HTTP
binding, and Nokia Network as Code's documentation.
"""

from typing import Final

from receiver.carriers.camara import device_status, schema
from receiver.carriers.camara.content_mode import read
from receiver.carriers.camara.error_info import problem
from receiver.carriers.camara.normalise import normalise
from receiver.carriers.carrier import Callback

CALLBACK: Final = Callback(
    name="camara.notifications",
    path="/camara/notifications",
    read=read,
    normalise=normalise,
    problem=problem,
    content={
        "application/cloudevents+json": {"schema": schema.EVENT},
        "application/json": {"schema": schema.EVENT},
    },
    handshake=True,
)
DEVICE_STATUS: Final = Callback(
    name="camara.device-status",
    path="/camara/device-status",
    read=device_status.read,
    normalise=device_status.normalise,
    problem=problem,
)
"""Changes that `receiver.polling` has found by asking."""
POLLED: Final[tuple[Callback, ...]] = (DEVICE_STATUS,)
