"""A connection on which commands are sent now and answered later, so that the server works on one
batch while this process thinks about the next.
"""

from typing import Any

import redis

Command = tuple[Any, ...]


class Pipe:
    """One connection of one owner. After any failure it is closed, and the next send opens anew."""

    def __init__(self, client: redis.Redis) -> None:
        self._pool = client.connection_pool
        self._connection: Any = None  # redis-py's connections have no common typed class

    def send(self, *commands: Command) -> None:
        """Send; each command's reply must be received, in this order."""
        if self._connection is None:
            self._connection = self._pool.get_connection()
        try:
            packed = self._connection.pack_commands(commands)
            self._connection.send_packed_command(packed)
        except BaseException:
            self.close()
            raise

    def receive(self) -> Any:
        """The next reply, as the server sent it. Raises the server's error, or the line's."""
        try:
            return self._connection.read_response()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drop the connection, and with it every reply that nobody will wait for."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()
            self._pool.release(connection)
