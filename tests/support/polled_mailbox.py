"""`receiver poll` of one mailbox, `alice`, at a gateway on this machine, with its commands."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec
from click.testing import CliRunner, Result
from msgspec.structs import replace

from receiver.contract.redis_keys import mailbox_state
from receiver.operations import ledger
from receiver.polling.mailbox.progress import Progress
from tests.support.commands import environment
from tests.support.forked import Forked
from tests.support.polling import Polled
from tests.support.valkey import Valkey

KEY: Final = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
TOML: Final = """
[[poll]]
name = "alice"
kind = "att-messages"
mailbox = "+12065550100"
redirect_uri = "https://app.example.com/consented"
base_url = "{gateway}"
client_id_env = "ATT_APP_KEY"
client_secret_env = "ATT_APP_SECRET"
"""


class PolledMailbox(Polled):
    """A directory with a `receiver.toml`, and one Valkey."""

    def __init__(self, valkey: Valkey, directory: Path, gateway: str) -> None:
        super().__init__(valkey, directory, TOML.format(gateway=gateway))
        self.more = {
            "RECEIVER_SECRET_KEYS": KEY,
            "ATT_APP_KEY": "an-app",
            "ATT_APP_SECRET": "a-secret",
        }

    def command(self, name: str, *words: str, said: str = "") -> Result:
        """Run a command of the receiver's in this process; `said` is its stdin."""
        command = import_module(f"receiver.cli.{name}").command
        runner = CliRunner(env=environment(**self.environ))
        return runner.invoke(command, words, input=said, catch_exceptions=False)

    def consent(self) -> None:
        """Have the subscriber consent."""
        url = "https://app.example.com/consented?code=a-code\n"
        done = self.command("consent", "alice", said=url)
        assert done.exit_code == 0, done.stderr

    def forget_pauses(self) -> None:
        """As if the index had been built long ago."""
        raw = self.redis.get(mailbox_state("alice"))
        if raw:
            found = msgspec.json.decode(raw, type=Progress)
            self.redis.set(
                mailbox_state("alice"), msgspec.json.encode(replace(found, indexed_at=0.0))
            )

    def killed(self, point: str) -> int:
        """One round of a process that is killed at a point; its exit status."""
        command = [sys.executable, "-P", "-m", "tests.support.dying_mailbox", point]
        with (self.directory / "log").open("ab") as log:
            done = Forked(command, env=environment(**self.environ), stdout=log, stderr=log)
            done.wait(60)
        self.redis.delete("receiver:poll:alice:lease", "receiver:consents:lease:alice")
        return done.returncode

    def events(self) -> list[dict[str, Any]]:
        """Every event, after what is open is normalised; the books balance then."""
        found = super().events()
        assert ledger.read(self.redis).balanced
        return found

    def said(self) -> list[str]:
        """Of each event its change and message."""
        return [f"{e['type'].split('.')[2]} {e['data']['messageId']}" for e in self.events()]
