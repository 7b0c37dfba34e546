"""What a listener's share costs the web process: acknowledged a second with a token that is bound
to one of ten listeners and has a rate, and with one that is bound to none, in interleaved rounds.

`python -m benchmarks.listener_shares` prints the rounds and keeps them in `results/raw.json`.
"""

import time
from dataclasses import replace

from benchmarks import notifications, record
from benchmarks.calm import Result
from benchmarks.contenders import OURS, web_process
from benchmarks.load import closed
from benchmarks.options import options
from benchmarks.processes import scratch, valkey
from benchmarks.rounds import compared, interleave
from receiver.auth import credential_store
from receiver.auth.bearer import Credential

LISTENERS = ("default", *(f"other-{number}" for number in range(9)))
WITHOUT = replace(OURS, letter="0", name="a token that is bound to no listener")
WITH = replace(OURS, letter="n", name="bound to one of ten, with a rate")
CONNECTIONS = 64


def measure(bound: bool, seconds: float) -> Result:
    """Measure a closed loop over 64 connections, with a token bound to a listener or without."""
    with valkey() as server, scratch() as directory:
        listener = "default" if bound else None
        credential = Credential(label="load", listener=listener, created=time.time())
        credential_store.add(server.client, notifications.TOKEN, credential)
        file = directory / "receiver.toml"
        about = "max_per_second = 1_000_000\n" if bound else ""
        file.write_text("".join(f'[[listener]]\nname = "{one}"\n{about}' for one in LISTENERS))
        more = {
            "RECEIVER_CONFIG": str(file),
            "RECEIVER_BEARER_TOKENS": "another-token-of-32-letters",
        }
        with web_process(OURS, server, more) as running:
            closed(replace(running.target, first=1), CONNECTIONS, 2)
            return closed(replace(running.target, first=500_000), CONNECTIONS, seconds)


def main() -> None:
    """Run from the command line."""
    said = options(__doc__, rounds=5, seconds=5.0)
    both = [WITHOUT, WITH]
    rounds = record.take(
        "listener_shares",
        lambda: interleave(both, said.rounds, lambda each: measure(each is WITH, said.seconds)),
    )
    print(compared(rounds, WITHOUT, WITH, {"rate": "requests/s", "p99": "p99 ms"}))


if __name__ == "__main__":
    main()
