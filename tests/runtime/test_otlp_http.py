"""What a collector is sent and how often, as `OTEL_EXPORTER_OTLP_*` say."""

import gzip
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from receiver.runtime.tracing import otlp_http
from receiver.runtime.tracing.otlp_http import OtlpHttp
from tests.support.commands import free_port
from tests.support.consumer import Consumer, answering, consuming
from tests.support.fronts import certificate

BODY = b"spans" * 1000


@pytest.fixture(scope="module")
def _server() -> Iterator[Consumer]:
    with consuming() as found:
        yield found


@pytest.fixture
def collector(_server: Consumer, monkeypatch: pytest.MonkeyPatch) -> Consumer:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    _server.requests.clear()
    _server.behaviour = answering(200)
    return _server


def _client(collector: Consumer, **variables: str) -> OtlpHttp:
    environ = {f"OTEL_EXPORTER_OTLP_{name}": value for name, value in variables.items()}
    return OtlpHttp({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.netloc}/", **environ})


def test_a_request_is_what_the_specification_says(collector: Consumer) -> None:
    client = _client(collector, HEADERS="authorization=Bearer%20made-up,x-tenant=us")
    assert [client.send(BODY), client.send(b"")] == ["", ""]
    first, second = collector.requests
    assert (first.path, first.body, second.body) == ("/v1/traces", BODY, b"")
    assert first.headers["content-type"] == "application/x-protobuf"
    assert first.headers["authorization"] == "Bearer made-up"
    assert first.headers["x-tenant"] == "us"
    assert first.headers["user-agent"].startswith("telecom-receiver/")
    assert not {"content-encoding", "expect"} & set(first.headers)


def test_what_is_said_of_traces_goes_before_what_is_said_of_all(collector: Consumer) -> None:
    whole = f"http://{collector.netloc}/else/where"
    client = _client(collector, TRACES_ENDPOINT=whole, HEADERS="a=1", TRACES_HEADERS="b=2")
    assert client.send(BODY) == ""
    [request] = collector.requests
    assert request.path == "/else/where"
    assert ("a" in request.headers, request.headers["b"]) == (False, "2")


@pytest.mark.parametrize(
    ("name", "expanded"), [("gzip", gzip.decompress), ("deflate", zlib.decompress)]
)
def test_a_request_is_compressed_where_that_is_asked_for(
    collector: Consumer, name: str, expanded: Callable[[bytes], bytes]
) -> None:
    assert _client(collector, COMPRESSION=name).send(BODY) == ""
    [request] = collector.requests
    assert request.headers["content-encoding"] == name
    assert expanded(request.body) == BODY
    assert len(request.body) < len(BODY)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_a_busy_collector_did_not_take_is_sent_again_after_ever_longer_pauses(
    collector: Consumer, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    pauses: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: sum(pauses), sleep=pauses.append)
    monkeypatch.setattr(otlp_http, "time", clock)
    monkeypatch.setattr(otlp_http, "uniform", lambda *ends: ends[len(pauses) % 2])
    collector.behaviour = lambda _request, _handler: status if len(collector.requests) < 4 else 200
    assert _client(collector).send(BODY) == ""
    assert [request.body for request in collector.requests] == 4 * [BODY]
    assert pauses == [1 * 0.8, 2 * 1.2, 4 * 0.8]
    collector.behaviour = answering(status)
    assert f"answered {status}" in _client(collector).send(BODY)
    assert len(collector.requests) == 4 + 4  # a fifth would come after the ten seconds


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (answering(400), "answered 400"),
        (answering(307, location="/else"), "answered 307"),
        (answering(429, retry_after="3600"), "answered 429"),
    ],
)
def test_what_cannot_be_sent_again_in_time_is_lost_at_once(
    collector: Consumer, answer: Callable[..., int | None], says: str
) -> None:
    collector.behaviour = answer
    assert says in _client(collector).send(BODY)
    assert len(collector.requests) == 1


def test_a_collector_that_hangs_or_is_away_is_waited_for_as_long_as_is_said(
    collector: Consumer,
) -> None:
    hung = threading.Event()
    collector.behaviour = lambda _request, _handler: 200 if hung.wait(60) else None
    assert "cannot be reached: curl 28" in _client(collector, TIMEOUT="0.2").send(BODY)
    away = f"http://127.0.0.1:{free_port()}"
    hung.set()
    assert "curl 7" in _client(collector, ENDPOINT=away, TIMEOUT="0.2").send(BODY)


def test_a_proxy_of_the_environment_is_used(
    collector: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example:4318",
        "HTTP_PROXY": f"http://{collector.netloc}",
    }
    assert OtlpHttp(environ).send(BODY) == ""
    assert collector.requests[0].path == "http://collector.example:4318/v1/traces"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    environ["HTTP_PROXY"] = f"http://127.0.0.1:{free_port()}"
    environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://{collector.netloc}"
    assert OtlpHttp(environ).send(BODY) == ""


def test_a_setting_that_is_none_is_as_if_unset_and_the_log_says_so(collector: Consumer) -> None:
    with capture_logs() as lines:
        client = _client(collector, COMPRESSION="snappy", TIMEOUT="soon")
    assert client.send(BODY) == ""
    assert [line["event"] for line in lines] == ["traces.setting"] * 2
    assert "TIMEOUT: a number is wanted; it is 10" in lines[0]["reason"]
    assert "COMPRESSION is unknown; it is none" in lines[1]["reason"]


def test_a_header_that_would_be_two_is_no_header(collector: Consumer) -> None:
    with pytest.raises(ValueError, match="HEADERS"):
        _client(collector, HEADERS="a=1%0d%0ab:2")


def test_a_collector_is_asked_for_the_certificate_that_is_named(tmp_path: Path) -> None:
    certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.pem", tmp_path / "tls.key")
    # It asks for one of ours, too.
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(tmp_path / "tls.pem")
    with consuming(context) as collector:
        there = {"ENDPOINT": f"https://localhost:{collector.server_port}", "TIMEOUT": "60"}
        named = {"CERTIFICATE": str(tmp_path / "tls.pem")}
        own = {"CLIENT_CERTIFICATE": named["CERTIFICATE"], "CLIENT_KEY": str(tmp_path / "tls.key")}
        assert "curl 60" in _client(collector, **there, **own).send(BODY)
        assert collector.requests == []
        assert _client(collector, **there, **named, **own).send(BODY) == ""
        assert len(collector.requests) == 1
