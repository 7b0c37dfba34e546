"""The OpenAPI 3.1 document of our routes, generated from the registered callbacks, and of what
web hooks get.
"""

from collections.abc import Iterable
from typing import Any, Final

from starlette.responses import JSONResponse

from receiver import __version__
from receiver.carriers import CALLBACKS
from receiver.carriers.carrier import Callback
from receiver.config.settings import LISTENER_NAME, Settings
from receiver.schemas import web_hooks
from receiver.web import schemas

_HANDSHAKE: Final = (
    "OPTIONS with WebHook-Request-Origin is CloudEvents' web hook handshake (HTTP 1.1 Web Hooks "
    "for Event Delivery, section 4): 200 with WebHook-Allowed-Origin and WebHook-Allowed-Rate for "
    "an origin that may send, otherwise 405."
)
"""No operation: what is not a handshake is a method that is not there, and OpenAPI has no word for
a method that a header brings into being.
"""
_SECURITY: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"query": []}]
_RETRY: Final = {"Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}}}
_KEPT: Final = {"X-Receipt-Id": {"schema": {"type": "string"}}}
_REFUSALS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "400": ("Not what this carrier sends; kept.", _KEPT),
    "401": (
        "No valid credential.",
        {"WWW-Authenticate": {"schema": {"const": "Bearer"}, "required": True}},
    ),
    "403": ("The credential is for another listener; kept.", _KEPT),
    "404": ("There is no such listener.", {}),
    "408": ("Head or body were not complete after 10 s; kept as far as it came.", _KEPT),
    "413": ("The body is too large; its beginning is kept.", _KEPT),
    "415": ("Compressed, or a type that is not taken here; kept.", _KEPT),
    "429": ("Too much in flight: come again.", _RETRY),
    "431": ("The head of the request is too large.", {}),
    "503": ("It could not be stored: come again.", _RETRY),
}


def _object(**members: str) -> dict[str, Any]:
    """Return the schema of an object with these members, each of which has a type."""
    properties = {name: {"type": kind} for name, kind in members.items()}
    return {"type": "object", "required": [*members], "properties": properties}


_PROBLEM: Final = _object(title="string", status="integer", detail="string")
_ERROR_INFO: Final = _object(status="integer", code="string", message="string")
_READ: Final = {
    "/healthz": ("The process lives.", "application/json", False),
    "/readyz": ("Whether it can keep what it is sent.", "application/json", True),
    "/metrics": ("Metrics in Prometheus' text form.", "text/plain", False),
    "/openapi.json": ("What you are reading.", "application/json", False),
}


class Description:
    """The document of this process's routes, made when somebody asks for it, and kept: asking needs
    no credential, so asking often must cost nothing.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        """What `receiver.toml` says now."""
        self._made: tuple[Settings, bytes] | None = None
        """The document, and the settings that it is true of."""

    def encoded(self, reads: Iterable[str]) -> bytes:
        """Return the document as JSON; `reads` as `document` has them."""
        if self._made is None or self._made[0] is not self.settings:
            said = document(CALLBACKS, reads, self.settings)
            self._made = self.settings, bytes(JSONResponse(said).body)
        return self._made[1]


def document(callbacks: Iterable[Callback], reads: Iterable[str], settings: Settings) -> Any:
    """Return the document as plain values. `reads` are the paths for GET beside the carriers'
    paths.
    """
    paths: dict[str, Any] = {}
    for callback in callbacks:
        paths |= _paths(callback, settings)
    paths |= {path: _read(*_READ[path]) for path in reads} | schemas.described()
    return {
        "openapi": "3.1.0",
        "info": {"title": "telecom-receiver", "version": __version__},
        "paths": paths,
        "webhooks": web_hooks.web_hooks(),
        "components": {
            "schemas": {"Problem": _PROBLEM, "ErrorInfo": _ERROR_INFO, **web_hooks.schemas()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "query": {"type": "apiKey", "in": "query", "name": "access_token"},
            },
        },
    }


def _paths(callback: Callback, settings: Settings) -> dict[str, Any]:
    """Return the path items of a callback: with a listener's name, and without where that is one's
    URL too.
    """
    names = [listener.name for listener in settings.listeners]
    any_name = {"type": "string", "pattern": f"^{LISTENER_NAME.pattern}$"}
    listener = {
        "name": "listener",
        "in": "path",
        "required": True,
        "description": "Which registered URL it is; `default` where it is left out.",
        "schema": {"enum": names} if names else any_name,
    }
    route = _route(callback, settings)
    bare = {callback.path: route} if not names or "default" in names else {}
    return bare | {callback.path + "/{listener}": {"parameters": [listener], **route}}


def _route(callback: Callback, settings: Settings) -> dict[str, Any]:
    answers = {status: _refusal(*said) for status, said in _REFUSALS.items()}
    own = callback.acknowledgement
    answers[str(own.status) if own else "204"] = {
        "description": "It is on disk.",
        "headers": {"X-Receipt-Id": {"schema": {"type": "string"}, "required": True}},
        **({"content": {own.content_type: {}}} if own else {}),
    }
    route: dict[str, Any] = {
        "post": {
            "summary": callback.name,
            "security": _SECURITY,
            "requestBody": {
                "required": True,
                "description": f"At most {settings.max_body_bytes} bytes, not compressed.",
                "content": callback.content or {"*/*": {}},
            },
            "responses": answers,
        }
    }
    if callback.handshake and settings.handshake.origins:
        route["description"] = _HANDSHAKE
    return route


def _refusal(description: str, headers: dict[str, Any]) -> dict[str, Any]:
    # What ends a connection before it is a request is a problem on every route.
    content = {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
        "application/json": {"schema": {"$ref": "#/components/schemas/ErrorInfo"}},
    }
    return {"description": description, "headers": headers, "content": content}


def _read(summary: str, content_type: str, refuses: bool) -> dict[str, Any]:
    content: dict[str, Any] = {content_type: {"schema": {}}}
    answers = {"200": {"description": summary, "content": content}}
    if refuses:
        answers["503"] = {"description": "It cannot, and why.", "content": content}
    return {"get": {"summary": summary, "responses": answers}}
