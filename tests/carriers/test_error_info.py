import json

import pytest

from receiver.carriers.camara.error_info import problem

CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    408: "REQUEST_TIMEOUT",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


@pytest.mark.parametrize("status", CODES)
def test_every_error_on_the_camara_route_has_camaras_code(status: int) -> None:
    kind, body = problem(status, "why")
    assert kind == "application/json"
    assert json.loads(body) == {"status": status, "code": CODES[status], "message": "why"}
