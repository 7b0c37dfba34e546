"""CAMARA notifications: CloudEvents of any CAMARA API, from any operator, pushed to our `sink`.

Sources: the callbacks in the OpenAPI files of camaraproject's repositories in all their versions,
Commonalities' event guide, the CloudEvents 1.0.2 specification with its JSON format and HTTP
binding, and Nokia Network as Code's documentation.
"""

from typing import Final

from receiver.carriers.camara import schema
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
