"""The one request path, for every carrier: authenticate, admit, accept, store, respond.

Nothing here awaits and nothing is ASGI: a request comes in, and one response goes to a callback,
at once or as soon as the notification is durable. `receiver.web.protocol` calls it for a request
that is there as a whole; `receiver.web.asgi` is the adaptor for all others.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from receiver.auth.bearer import NotHeardOf
from receiver.carriers.carrier import Callback, Rejected
from receiver.carriers.carrier import Request as CarrierRequest
from receiver.config import signing_secrets
from receiver.contract.records import Refusal, encode
from receiver.intake.accept import Accepted, accept
from receiver.intake.waiting_requests import Overloaded, Unavailable
from receiver.web.admission import Admission
from receiver.web.answers import Answers
from receiver.web.authentication import authenticate, handshake_permission, verify_signature
from receiver.web.content_type import content_type
from receiver.web.context import Context
from receiver.web.kept_headers import chosen
from receiver.web.listener_shares import ListenerAdmission
from receiver.web.rejection import Refuse, keeps_texts, log_refusal, refusal_record
from receiver.web.request import Request
from receiver.web.responses import Response
from receiver.web.tracing import RequestSpans

Respond = Callable[[Response], None]
"""Sends one whole response; called once per request."""

_TOO_MUCH: Final = "too much is in flight"
_OVERLOADED: Final = "too many notifications are waiting to be stored"
_FULL: Final = "too many requests are in flight"
_NOT_IN_TIME: Final = "the receiver could not store this in time"


class Ingest:
    """The request path of a callback. Every response is a line of docs/answers.md."""

    def __init__(self, context: Context, callback: Callback, spans: RequestSpans) -> None:
        self.context = context
        self._callback = callback
        self._spans = spans
        self._answers = Answers(context, callback, spans)
        self._secret = signing_secrets.variable(callback.name)
        self._keep = context.keep_headers

    def handle(self, request: Request, respond: Respond) -> None:
        """Respond to a request whose body is complete. Raises nothing."""
        try:
            early = self.admit(request)
        except NotHeardOf as unheard:
            again = partial(self._handle_known, request, respond)
            self.context.look_up(unheard.digest, again)
            return
        if early:
            respond(early)
            return
        admission, size = self.admission(request), len(request.body)

        def leave(response: Response) -> None:
            admission.leave(size)
            respond(response)

        if admission.enter(size):
            self.store(request, leave)
        else:
            self.refuse(request, Refuse(429, _TOO_MUCH), leave)

    def admit(self, request: Request) -> Response | None:
        """Decide by the head alone. Returns None for a request that may bring its body, else the
        response: to a handshake, or to what leaves no more than a count. Raises `NotHeardOf` once,
        until `request.known` is set.
        """
        self._spans.begin(request)
        rules = request.rules = request.rules or self.context.rules
        try:
            if request.method != "POST":
                granted = handshake_permission(rules, self._callback, request)
                if granted:
                    return self._answers.grant(request, granted)
            request.credential = authenticate(self.context, rules, request)
        except Refuse as refused:
            return self._answers.refuse(request, refused)
        except NotHeardOf:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours, whatever it is, is a 503
            self._answers.log_fault(error)
            return self._answers.refuse(request, Refuse.fault(unread=True))
        self._spans.admit(request)
        if self.context.admission.full:
            return self._answers.refuse(request, Refuse(429, _FULL))
        if rules.shares and (beyond := rules.shares.refusal(request)):
            return self._answers.refuse(request, beyond)
        return None

    def admission(self, request: Request) -> Admission | ListenerAdmission:
        """Return where a request that was admitted is counted while it is in flight."""
        shares = request.rules.shares if request.rules else None
        return shares.of(request) if shares else self.context.admission

    def _handle_known(self, request: Request, respond: Respond, known: bool) -> None:
        request.known = known
        self.handle(request, respond)

    def store(self, request: Request, respond: Respond) -> None:
        """Respond to an admitted request with a complete body. Raises nothing."""
        try:
            began = time.perf_counter()
            accepted = self._accept(request)
            entries = len(accepted.notifications) + len(accepted.refusals)
            if entries > 1 and request.rules and (shares := request.rules.shares):
                respond = shares.count_entries(request, entries, respond)
            stored = partial(self._stored, request, accepted, began, respond)
            refused = [encode(each) for each in accepted.refusals] if accepted.refusals else []
            self.context.intake.submit(accepted.notifications, refused, stored)
        except Refuse as refusal:
            self.refuse(request, refusal, respond)
        except Overloaded:
            self.refuse(request, Refuse(429, _OVERLOADED), respond)
        except Exception as error:  # noqa: BLE001 - a fault of ours, whatever it is, is a 503
            self._answers.log_fault(error)
            self.refuse(request, Refuse.fault(unread=True), respond)

    def refuse(self, request: Request, refused: Refuse, respond: Respond) -> None:
        """Keep or count a refused request (503 where it cannot be kept), then respond."""
        if not refused.kept:
            respond(self._answers.refuse(request, refused))
            return
        refusal = refusal_record(self._callback, request, refused, self.context.receipts)
        kept = partial(self._kept, request, refused, refusal, respond)
        try:
            self.context.intake.submit([], [encode(refusal)], kept)
        except Overloaded:
            worse = Refuse(429, _OVERLOADED, unread=refused.unread)
            respond(self._answers.refuse(request, worse))

    def abandon(self, request: Request) -> None:
        """Count a request whose sender hung up before its body was complete."""
        self._answers.abandon(request)

    def _accept(self, request: Request) -> Accepted:
        """Check the whole request; what is left to do is to store it. Raises `Refuse`."""
        body, credential = request.body, request.credential
        request.received = time.time_ns() // 1_000_000
        if len(body) > self.context.bodies.cap:
            raise Refuse.too_large(self.context.bodies.cap, body)
        read = CarrierRequest(content_type(request.headers, body), request.headers, body)
        if self._callback.verify:
            verify_signature(self.context, self._callback, self._secret, read, request.received)
        if credential and credential.listener not in (None, request.listener):
            raise Refuse(403, "this credential is for another listener", body)
        receipt = self.context.receipts.new(request.received)
        try:
            return accept(
                self._callback,
                request.listener,
                receipt,
                request.received,
                read,
                request.trace,
                credential.attempt if credential else "",
                headers=chosen(request, self._keep) if self._keep else (),
                texts=keeps_texts(request),
            )
        except Rejected as rejected:
            raise Refuse(rejected.status, rejected.reason, body) from None
        except Exception as error:  # noqa: BLE001 - a fault of ours may not lose what it met
            self._answers.log_fault(error)
            raise Refuse.fault(body) from None

    def _stored(
        self,
        request: Request,
        accepted: Accepted,
        began: float,
        respond: Respond,
        failure: Unavailable | None,
    ) -> None:
        """Respond to a stored request. The intake calls this, so nothing may be raised here."""
        try:
            if failure is None:
                respond(self._answers.acknowledge(request, accepted, began))
            else:
                respond(self._answers.refuse(request, Refuse(503, _NOT_IN_TIME)))
        except Exception as error:  # noqa: BLE001 - the others are still to be told
            self._answers.log_fault(error)

    def _kept(
        self,
        request: Request,
        refused: Refuse,
        refusal: Refusal,
        respond: Respond,
        failure: Unavailable | None,
    ) -> None:
        """Respond to a refused request that was kept. The intake calls this, so nothing may be
        raised here.
        """
        try:
            if failure is None:
                log_refusal(refusal)
                respond(self._answers.refuse(request, refused, refusal.receipt))
            else:
                worse = Refuse(503, _NOT_IN_TIME, unread=refused.unread)
                respond(self._answers.refuse(request, worse))
        except Exception as error:  # noqa: BLE001 - the others are still to be told
            self._answers.log_fault(error)
