"""`receiver send`: post sample notifications; the demo shares the client."""

import time
from datetime import tzinfo

import click
import msgspec

from receiver.cli.terminal import output, setup
from receiver.cli.terminal.options import token_option, url_option
from receiver.config.settings import Settings
from receiver.runtime.blocking_http import BlockingHttp, Unreachable, bearer
from receiver.simulate.samples import SAMPLES, Sample, build


class Answer(msgspec.Struct, frozen=True):
    """The response of a receiver."""

    status: int
    milliseconds: float
    body: str

    @property
    def acknowledged(self) -> bool:
        """Return whether the status is 2xx: the notification is acknowledged."""
        return 200 <= self.status < 300


class ReceiverClient:
    """An HTTP client that posts samples to a receiver, as a carrier would."""

    def __init__(self, url: str, token: str, listener: str) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._listener = f"/{listener}" if listener else ""
        self._http = BlockingHttp(timeout=10)

    def target(self, sample: Sample) -> str:
        """Return the URL for this sample."""
        return f"{self._url}{sample.path}{self._listener}"

    def post(self, sample: Sample) -> Answer:
        """Post a sample once, on a connection that is kept open.

        Raises `Unreachable` when no receiver can be reached.
        """
        headers: dict[str, str | bytes] = {
            "Authorization": bearer(self._token),
            "Content-Type": sample.content_type,
            "User-Agent": "receiver-send",
        }
        begun = time.perf_counter()
        answer = self._http.request("POST", self.target(sample), headers.items(), sample.body)
        took = (time.perf_counter() - begun) * 1000
        return Answer(answer.status, took, answer.text)


def format_answer(name: str, answer: Answer) -> str:
    """Return one line: the sample, the status, the time, and the body of a refusal."""
    line = f"{name}: {answer.status} in {answer.milliseconds:.1f} ms"
    return line if answer.acknowledged else f"{line} {answer.body}"


@click.command()
@click.argument("sample", type=click.Choice(list(SAMPLES)), metavar="SAMPLE")
@url_option
@token_option
@click.option(
    "--listener",
    default="",
    help="Listener name, the last part of the URL.  "
    "[default: `default`, or else the first in receiver.toml]",
)
@click.option(
    "--count", type=click.IntRange(1), default=1, help="How many to send, each a new one."
)
@click.option("--show", is_flag=True, help="Print each request, without the token.")
@output.json_option
def command(
    sample: str,
    url: str | None,
    token: str | None,
    listener: str,
    count: int,
    *,
    show: bool,
    as_json: bool,
) -> None:
    """Post a realistic notification to a running receiver, as the carrier would.

    \b
      receiver send mo
      receiver send delivery-status --listener promo --count 5
      receiver send reachability --url https://hooks.example.com --token SECRET --show

    It prints status and time of each; exit code 1 when one was not answered 2xx.

    \b
    Samples:
      mo, mo-unicode                          AT&T: a received text message
      delivery-status, delivery-failed        AT&T: the delivery status of a sent one
      inbox-added, inbox-updated,
      inbox-deleted                           AT&T: a subscriber's mailbox
      reachability, reachability-sms,
      reachability-disconnected, roaming      CAMARA: a change of a device
      subscription-started,
      subscription-ended                      CAMARA: a change of a subscription
      sim-swap                                CAMARA: a type that is passed on as it is
    """
    settings = setup.settings(file=not url)
    token = token or demo_token(settings)
    if not url:
        url, listener = setup.base_url(settings), listener or settings.own_listener
    client, (zone, _) = ReceiverClient(url, token, listener), settings.place(listener or "default")
    answers = [_send_one(client, sample, zone, show=show, as_json=as_json) for _ in range(count)]
    if any(answer.status == 404 for answer in answers):
        output.say("404: another --url, or --listener NAME where the receiver names its listeners")
    elif any(answer.status == 401 for answer in answers):
        output.say("401: another --token, or RECEIVER_TOKEN")
    elif any(answer.status == 403 for answer in answers):
        output.say("403: which listener is the token for? --listener NAME")
    if not all(answer.acknowledged for answer in answers):
        raise SystemExit(1)


def _send_one(
    client: ReceiverClient, name: str, zone: tzinfo, *, show: bool, as_json: bool
) -> Answer:
    sample = build(name, zone)
    if show and not as_json:
        click.echo(f"POST {client.target(sample)}\nContent-Type: {sample.content_type}\n")
        click.echo(sample.body.decode() + "\n")
    try:
        answer = client.post(sample)
    except Unreachable as error:
        where = f"{client.target(sample)} cannot be reached: {error}"
        output.exit_undone(f"{where}; is it elsewhere? --url, or PORT")
    if as_json:
        asked = {"url": client.target(sample), "request": sample.body.decode()} if show else {}
        output.print_document({"sample": name, **asked} | msgspec.structs.asdict(answer))
    else:
        click.echo(format_answer(name, answer))
    return answer


def demo_token(settings: Settings) -> str:
    """Return the token that `receiver up --demo` made here."""
    file = settings.data_dir / "demo-token"
    why = f"`receiver up --demo` has stored none in {file}"
    try:
        if token := file.read_text("ascii", "ignore").strip():
            return token
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        why = f"{file}: {error.strerror}"
    raise setup.Refused(f"no token: give --token or set RECEIVER_TOKEN ({why})")
