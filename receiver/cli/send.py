"""`receiver send`: post sample notifications; the demo shares the client."""

import time

import click
import msgspec

from receiver.cli.terminal import receiver_url, setup
from receiver.config.settings import Settings
from receiver.runtime.blocking_http import BlockingHttp, Unreachable
from receiver.simulate.samples import SAMPLES, Sample, build


class Answer(msgspec.Struct, frozen=True):
    """Hold the response of a receiver."""

    status: int
    milliseconds: float
    body: str

    @property
    def good(self) -> bool:
        """Return whether the status is 2xx: the notification is acknowledged."""
        return 200 <= self.status < 300


class Door:
    """Post samples. Raises `Unreachable` when no receiver can be reached."""

    def __init__(self, url: str, token: str, listener: str = "") -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._listener = f"/{listener}" if listener else ""
        self._http = BlockingHttp(timeout=10)

    def target(self, sample: Sample) -> str:
        """Return the URL for this sample."""
        return f"{self._url}{sample.path}{self._listener}"

    def post(self, sample: Sample) -> Answer:
        """Post a sample once, as a carrier would, on a connection that is kept open."""
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": sample.content_type,
            "User-Agent": "receiver-send",
        }
        begun = time.perf_counter()
        answer = self._http.request("POST", self.target(sample), headers.items(), sample.body)
        took = (time.perf_counter() - begun) * 1000
        return Answer(answer.status, took, answer.text)


def report(name: str, answer: Answer) -> str:
    """Return one line: the sample, the status, the time; and the body of a refusal."""
    line = f"{name}: {answer.status} in {answer.milliseconds:.1f} ms"
    return line if answer.good else f"{line} {answer.body}"


@click.command()
@click.argument("sample", type=click.Choice(list(SAMPLES)), metavar="SAMPLE")
@receiver_url.option
@click.option(
    "--token",
    envvar="RECEIVER_TOKEN",
    help="Bearer token.  [default: RECEIVER_TOKEN, else the demo's]",
)
@click.option(
    "--listener",
    default="",
    help="Listener name, the last part of the URL.  [default: the first in receiver.toml]",
)
@click.option("--count", type=click.IntRange(1), default=1, help="How many, each a new one.")
@click.option("--show", is_flag=True, help="Print each request, the token left out.")
def command(
    sample: str, url: str | None, token: str | None, listener: str, count: int, *, show: bool
) -> None:
    """Post a realistic notification to a running receiver, as the carrier would.

    \b
      receiver send mo
      receiver send delivery-status --listener promo --count 5
      receiver send reachability --url https://hooks.example.com --token SECRET --show

    Prints status and time of each; exit code 1 when one was not answered 2xx.

    \b
    Samples:
      mo, mo-unicode                          AT&T: a text message came in
      delivery-status, delivery-failed        AT&T: what became of one that went out
      inbox-added, inbox-updated,
      inbox-deleted                           AT&T: a subscriber's mailbox
      reachability, reachability-sms,
      reachability-disconnected, roaming      CAMARA: the device
      subscription-started,
      subscription-ended                      CAMARA: the subscription
      sim-swap                                CAMARA: a type without a shape of its own here
    """
    settings = setup.settings(file=not url)
    token = token or demo_token(settings)
    if not url:
        url, listener = setup.base_url(settings), listener or settings.own_listener
    door = Door(url, token, listener)
    answers = [_send_one(door, sample, show=show) for _ in range(count)]
    if any(answer.status == 404 for answer in answers):
        click.echo("receiver: 404: does it name its listeners? --listener NAME", err=True)
    if not all(answer.good for answer in answers):
        raise SystemExit(1)


def _send_one(door: Door, name: str, *, show: bool) -> Answer:
    sample = build(name)
    if show:
        click.echo(f"POST {door.target(sample)}\nContent-Type: {sample.content_type}\n")
        click.echo(sample.body.decode() + "\n")
    try:
        answer = door.post(sample)
    except Unreachable as error:
        where = f"{door.target(sample)} cannot be reached: {error}"
        click.echo(f"receiver: {where}; is it elsewhere? --url, or PORT", err=True)
        raise SystemExit(1) from None
    click.echo(report(name, answer))
    return answer


def demo_token(settings: Settings) -> str:
    """Return the token that `receiver up --demo` made here."""
    file = settings.data_dir / "demo-token"
    try:
        token = file.read_text("ascii", "ignore").strip()
    except OSError:
        token = ""
    if token:
        return token
    raise setup.Refused(
        f"no token: give --token or set RECEIVER_TOKEN (there is no demo's in {file})"
    )
