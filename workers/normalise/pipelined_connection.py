"""A pipelined Redis connection: commands are sent now and their replies received later, so that the
server works on one batch while this process decides the next.
"""

from typing import Any

import redis

Command = tuple[Any, ...]


class PipelinedConnection:
    """Send commands and receive their replies in order; for one thread.

    After any failure the connection is closed, and the next `send` opens another.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._pool = client.connection_pool
        self._connection: Any = None  # redis-py's connections have no common typed class

    def send(self, *commands: Command) -> None:
        """Send commands; each one's reply must be received, in this order.

        Raises `redis.RedisError` or `OSError`, as `receive` does.
        """
        if self._connection is None:
            self._connection = self._pool.get_connection()
        try:
            packed = self._connection.pack_commands(commands)
            self._connection.send_packed_command(packed)
        except BaseException:
            self.close()
            raise

    def receive(self) -> Any:
        """Return the next reply, as the server sent it."""
        try:
            return self._connection.read_response()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, and with it drop every reply that was not received."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()
            self._pool.release(connection)
