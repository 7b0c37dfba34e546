"""The kinds of sink, one module each, independent of each other."""

from collections.abc import Mapping

from receiver.config.settings import HttpSink, RedisStreamSink, SinkSettings
from receiver.runtime import redis_client
from workers.sinks.foreign_redis import ForeignRedis
from workers.sinks.redis_stream import RedisStream
from workers.sinks.rq import Rq
from workers.sinks.sink import RemoteSink, TransactionalSink


def open_sink(
    sink: SinkSettings, url: str, variables: Mapping[str, str]
) -> TransactionalSink | RemoteSink:
    """Open the sink of these settings.

    `url` is our own Redis; `variables` the environment variables that hold the sink's secrets.
    """
    if isinstance(sink, HttpSink):
        from workers.sinks.http import Http  # libcurl is megabytes that other workers do without

        return Http(sink, variables)
    target = redis_client.client(sink.redis_url or url)
    local = RedisStream(sink) if isinstance(sink, RedisStreamSink) else Rq(sink, target)
    if sink.redis_url in (None, url):
        return local
    return ForeignRedis(local, target)
