"""A client of Redis that does what a history needs, and nothing for connections that are lost.

The package's own spends two thirds of a command's processor time on its pool, on retries and on
metrics: half of the time of a history.
"""

import socket
from typing import Any

import hiredis
import redis
from redis._parsers.base import BaseParser
from redis.client import EMPTY_RESPONSE, NEVER_DECODE, Pipeline
from redis.exceptions import ResponseError

Command = tuple[Any, ...]


class Client(redis.Redis):
    """The package's client, whose commands and untransacted pipelines go over one socket."""

    def __init__(self, path: str) -> None:
        super().__init__(unix_socket_path=path)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(10)
        self._socket.connect(path)
        self._reader = hiredis.Reader(replyError=BaseParser.parse_error)
        self._loaded: set[str] = set()
        self.execute_command("HELLO", 3)

    def close(self) -> None:
        """Close every connection."""
        self._socket.close()
        super().close()

    def execute_command(self, *words: Any, **options: Any) -> Any:
        """Run one command."""
        self._socket.sendall(_packed(words))
        reply = self._answer(words[0], options)
        if isinstance(reply, ResponseError):
            raise reply
        return reply

    def pipeline(self, transaction: Any = True, shard_hint: Any = None) -> Any:
        """Return the package's pipeline, or one over the same socket as single commands."""
        if transaction:
            return super().pipeline(transaction, shard_hint)
        return _Pipeline(self)

    def run_all(self, commands: list[tuple[Command, dict[str, Any]]]) -> list[Any]:
        """Run commands at once; return what each is answered, an error too."""
        self._socket.sendall(b"".join(_packed(words) for words, _ in commands))
        return [self._answer(words[0], options) for words, options in commands]

    def script_flush(self, sync_type: Any = None) -> Any:
        """Have the server forget its scripts."""
        self._loaded.clear()
        return super().script_flush(sync_type)

    def have(self, script: Any, digest: str) -> None:
        """Load a script that this client has not loaded."""
        if digest not in self._loaded:
            self._loaded.add(digest)
            self.script_load(script)

    def _answer(self, name: Any, options: dict[str, Any]) -> Any:
        while (reply := self._reader.gets()) is False:
            self._reader.feed(self._socket.recv(65536))
        if isinstance(reply, ResponseError):
            return options.get(EMPTY_RESPONSE, reply)
        callbacks: Any = self.response_callbacks
        callback = callbacks.get(name)
        if callback is None:
            return reply
        left_out = ("keys", NEVER_DECODE, EMPTY_RESPONSE)
        return callback(reply, **{key: options[key] for key in options if key not in left_out})


class _Pipeline(Pipeline):
    """One without a transaction."""

    def __init__(self, client: Client) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, False, None)
        self._client = client

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Run what was collected."""
        for script in self.scripts:
            self._client.have(script.script, script.sha)
        commands, self.command_stack = self.command_stack, []
        replies = self._client.run_all(commands) if commands else []
        for reply in replies if raise_on_error else ():
            if isinstance(reply, ResponseError):
                raise reply
        return replies


def _packed(words: Command) -> bytes:
    # A name such as "XINFO GROUPS" is two words to a server.
    packed: bytes = hiredis.pack_command((*words[0].split(), *words[1:]))
    return packed
