"""A carrier and a sink, added to a copy of the product as somebody new would, by the documents."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import urllib3
from standardwebhooks import Webhook

from receiver.contract.redis_keys import REJECTED, TURNED_AWAY, retry_due
from tests.support.commands import ROOT, environment
from tests.support.eventually import eventually
from tests.support.pages import snippet
from tests.support.running import AUTHORIZED, Receiver, mo
from tests.support.valkey import Valkey

OLD, NEW = "whsec_b2xkIHNlY3JldCBvZiBvdXJz", "whsec_bmV3IHNlY3JldCBvZiBvdXJz"
VARIABLE = "RECEIVER_SIGNING_SECRET_EXAMPLE_SMS"


class Copy:
    """The product in a directory of its own, to which a test adds something."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for package in ("receiver", "workers"):
            # With what is compiled already: the copies keep the times that tell whether it is old.
            shutil.copytree(ROOT / package, directory / package)
        shutil.copy(ROOT / "pyproject.toml", directory)

    def write(self, name: str, text: str) -> None:
        """A new file."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert not path.exists()
        path.write_text(text)

    def edit(self, name: str, *changes: tuple[str, str]) -> None:
        """A file that is there, changed in places that it has once."""
        text = (self.directory / name).read_text()
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (self.directory / name).write_text(text)

    def changed(self) -> set[str]:
        """What is not as in the product; of a folder that is new, the folder."""
        found = (path for path in self.directory.rglob("*") if path.is_file())
        names = (path.relative_to(self.directory) for path in found)
        return {
            str(name.parent.parent if name.parts[0] == "tests" else name)
            for name in names
            if "__pycache__" not in name.parts
            and not (
                (ROOT / name).exists()
                and (ROOT / name).read_bytes() == (self.directory / name).read_bytes()
            )
        }

    def check_imports(self) -> None:
        """`lint-imports`, as `make check` has it."""
        done = subprocess.run(
            [Path(sys.executable).parent / "lint-imports", "--no-cache"],
            cwd=self.directory,
            env=environment(PYTHONPATH=str(self.directory)),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def documented(page: str) -> set[str]:
    """The files that a page says it takes."""
    return {line.split()[0] for line in snippet(page, "files").splitlines()}


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """With the page's carrier, which signs."""
    copy = Copy(tmp_path_factory.mktemp("carrier") / "copy")
    page = "add-a-carrier.md"
    module = snippet(page, "carrier.py") + snippet(page, "signed.py")
    copy.write("receiver/carriers/example.py", module)
    copy.edit(
        "receiver/carriers/__init__.py",
        ("import att, camara\n", "import att, camara, example\n"),
        ("    camara.CALLBACK,\n", "    camara.CALLBACK,\n    example.CALLBACK,\n"),
    )
    copy.edit(
        "pyproject.toml",
        ('"receiver.carriers.camara"]', '"receiver.carriers.camara", "receiver.carriers.example"]'),
    )
    case = {"about": "A message.", "path": "/example/sms", "status": 200}
    copy.write("tests/fixtures/example/message/body", said("a-1").decode())
    copy.write("tests/fixtures/example/message/case.json", json.dumps(case))
    return copy


def said(name: str) -> bytes:
    return json.dumps({"id": name, "from": "tel:+12065550100", "words": "Hello"}).encode()


def signed(body: bytes, secret: str, age: int = 0, **more: str) -> dict[str, str]:
    """Headers as the library of Standard Webhooks makes them."""
    at = datetime.now(UTC) - timedelta(seconds=age)
    return {
        **AUTHORIZED,
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, body.decode()),
        **more,
    }


@pytest.fixture
def receiver(valkey: Valkey, signing: Copy, tmp_path: Path) -> Iterator[Receiver]:
    running = Receiver(valkey, tmp_path, PYTHONPATH=str(signing.directory))
    yield running
    running.kill()


def test_a_carrier_that_signs_takes_the_files_that_the_page_names(signing: Copy) -> None:
    assert signing.changed() == documented("add-a-carrier.md")
    signing.check_imports()


def test_a_signed_request_gets_its_carriers_own_answer_and_comes_out(receiver: Receiver) -> None:
    receiver.also(**{VARIABLE: f"{OLD}, {NEW}"})
    receiver.start()
    for secret in (OLD, NEW):
        body = said(secret)
        answer = receiver.post("/example/sms", body, signed(body, secret))
        assert (answer.status, answer.data) == (200, b'{"result":"ok"}')
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-receipt-id"]
    assert receiver.settled().published == 2
    assert [each["data"]["from"] for each in receiver.events()] == ["+12065550100"] * 2
    assert '"200"' in json.dumps(json.loads(receiver.get("/openapi.json").data)["paths"])


def test_what_is_not_signed_is_401_and_leaves_a_count_only(receiver: Receiver) -> None:
    receiver.also(**{VARIABLE: NEW})
    receiver.start_web()
    body = said("a-1")
    good = signed(body, NEW)
    wrong = [
        (body, AUTHORIZED),
        (body, signed(body, OLD)),
        (body, signed(body, NEW, age=900)),
        (body, good | {"webhook-timestamp": "9" * 5000}),
        (said("another"), good),
        (b"no message", AUTHORIZED),
    ]
    for sent, headers in wrong:
        answer = receiver.post("/example/sms", sent, headers)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert json.loads(answer.data)["detail"] == "a valid signature is required"
    stranger = {name: value for name, value in good.items() if name != "Authorization"}
    assert receiver.post("/example/sms", body, stranger).status == 401
    field = "example.sms signature"
    eventually(lambda: receiver.redis.hget(TURNED_AWAY, field) == str(len(wrong)).encode())
    assert receiver.redis.exists(REJECTED) == 0
    assert receiver.books().accepted == 0
    assert receiver.post("/example/sms", body, good).status == 200


@pytest.mark.parametrize("secret", ["", "whsec_not*base64"])
def test_a_secret_that_is_missing_or_none_is_our_fault_and_no_401(
    receiver: Receiver, secret: str
) -> None:
    receiver.also(**{VARIABLE: secret})
    receiver.start_web()
    body = said("a-1")
    answer: urllib3.BaseHTTPResponse = receiver.post("/example/sms", body, signed(body, NEW))
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert receiver.redis.exists(REJECTED) == 0
    log = receiver.log.read_text()
    assert ("request.fault" if secret else VARIABLE) in log
    assert secret not in log or not secret


TOML = """
[[sink]]
name = "archive"
kind = "file"
path = "archive/events"
types = ["sms.*"]
"""


@pytest.fixture(scope="module")
def filing(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """With the page's sink."""
    copy = Copy(tmp_path_factory.mktemp("sink") / "copy")
    page = "add-a-sink.md"
    kinds = "SinkSettings = RedisStreamSink | RqSink | HttpSink\n"
    settings = snippet(page, "settings.py") + "\n\n"
    copy.edit("receiver/config/sinks.py", (kinds, settings + kinds.replace("\n", " | FileSink\n")))
    copy.write("workers/sinks/file.py", snippet(page, "file.py"))
    imports = (
        "from receiver.config.sinks import FileSink\nfrom receiver.runtime import redis_client\n"
    )
    first = "    if isinstance(sink, HttpSink):\n"
    copy.edit(
        "workers/sinks/__init__.py",
        ("from receiver.runtime import redis_client\n", imports),
        (
            "from workers.sinks.foreign",
            "from workers.sinks.file import File\nfrom workers.sinks.foreign",
        ),
        (first, snippet(page, "open.py") + first),
    )
    copy.edit(
        "pyproject.toml", ('"workers.sinks.http",', '"workers.sinks.http", "workers.sinks.file",')
    )
    return copy


def test_another_kind_of_sink_takes_the_files_that_the_page_names(filing: Copy) -> None:
    assert filing.changed() == documented("add-a-sink.md")
    filing.check_imports()


def test_another_kind_of_sink_gets_events_and_its_failures_are_tried_again(
    valkey: Valkey, filing: Copy, tmp_path: Path
) -> None:
    (tmp_path / "receiver.toml").write_text(TOML)
    receiver = Receiver(valkey, tmp_path, PYTHONPATH=str(filing.directory))
    try:
        receiver.start()
        receiver.acknowledged("/att/sms/mo", mo("kept"))
        eventually(lambda: receiver.redis.zcard(retry_due("archive")) == 1, within=120)
        (tmp_path / "archive").mkdir()
        file = tmp_path / "archive/events"
        eventually(file.exists, within=120)
        eventually(lambda: receiver.redis.zcard(retry_due("archive")) == 0, within=120)
        [line] = file.read_text().splitlines()
        assert json.loads(line)["data"]["text"] == "kept"
    finally:
        receiver.kill()
