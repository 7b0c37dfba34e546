"""`receiver poll` of one mailbox, `alice`, at a gateway on this machine, with its commands."""

import asyncio
import itertools
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec
from click.testing import CliRunner, Result
from msgspec.structs import replace

from receiver.config.settings import Settings, load
from receiver.contract.redis_keys import EVENTS, mailbox_state
from receiver.operations import ledger
from receiver.polling.mailbox.progress import Progress
from receiver.polling.pace import Pace
from receiver.polling.process import Process
from receiver.polling.rounds import Round
from tests.support.commands import environment
from tests.support.forked import Forked
from tests.support.valkey import Valkey
from workers.normalise.job import Normaliser

KEY: Final = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
FAST: Final = Pace(
    jitter=0.0, failures=(0.05, 0.1), connect=20.0, tick=0.02, grace=1.0, append=20.0
)
_names = itertools.count()


class PolledMailbox:
    """A directory with a `receiver.toml`, and one Valkey."""

    def __init__(self, valkey: Valkey, directory: Path, gateway: str) -> None:
        self.redis: Any = valkey.client()
        self.directory = directory
        (directory / "receiver.toml").write_text(f"""
[[poll]]
name = "alice"
kind = "att-messages"
mailbox = "+12065550100"
redirect_uri = "https://app.example.com/consented"
base_url = "{gateway}"
client_id_env = "ATT_APP_KEY"
client_secret_env = "ATT_APP_SECRET"
""")
        self.environ = {
            "REDIS_URL": valkey.url,
            "RECEIVER_DATA_DIR": str(directory),
            "RECEIVER_CONFIG": str(directory / "receiver.toml"),
            "RECEIVER_SECRET_KEYS": KEY,
            "ATT_APP_KEY": "an-app",
            "ATT_APP_SECRET": "a-secret",
        }

    @property
    def settings(self) -> Settings:
        """Its settings, read anew."""
        return load(self.environ)

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

    def once(self, times: int = 1) -> Round:
        """One round now, or several of one process."""

        async def run() -> Round:
            process = Process(self.settings, lambda: False, FAST)
            try:
                for _ in range(times):
                    done = await process.once(self.settings.polls[0])
                return done
            finally:
                await process.close()

        return asyncio.run(run())

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
        """Every event, after what is open is normalised."""
        Normaliser(self.redis, f"test-{next(_names)}", self.settings, lambda: False).run()
        assert ledger.read(self.redis).balanced
        return [msgspec.json.decode(fields[b"event"]) for _, fields in self.redis.xrange(EVENTS)]

    def said(self) -> list[str]:
        """Of each event its change and message."""
        return [f"{e['type'].split('.')[2]} {e['data']['messageId']}" for e in self.events()]
