"""Scripts broken on purpose, and what sends them: histories that do not notice these would notice
nothing.
"""

from typing import Final, NamedTuple

EXCHANGE: Final = "delivery_scripts"
"""The module of Python that sends a settlement and a lease in one write."""


class Breakage(NamedTuple):
    """One change to a script."""

    script: str
    """Its name; empty for every script that includes the text, and `EXCHANGE` for that module."""
    was: str
    becomes: str


def _of(script: str, *changes: tuple[str, str]) -> list[Breakage]:
    return [Breakage(script, *change) for change in changes]


INBOUND: Final = [
    *_of(
        "append",
        ("if tonumber(ARGV[at]) > before then", "if true then"),
        ("fresh = math.min(fresh, at)", "fresh = 3"),
        ("'SET', KEYS[5], last, 'EX'", "'SET', KEYS[5], before, 'EX'"),
        ("if refused > 0 then", "if false then"),
    ),
    *_of(
        "publish",
        ("if open and not marks.holds(done, id) then", "if not marks.holds(done, id) then"),
        ("if open and not marks.holds(done, id) then", "if open then"),
        ("if seen(digest, past) then", "if false then"),
        ("if redis.pcall('SADD', key, digest) == 0 then", "if false then"),
        ("any = publish(ARGV[i], ARGV[i + 1], ", "any = true, publish(ARGV[i], ARGV[i + 1], "),
        ("settled = seen(settles, live)", "settled = false"),
        ("marks.add(KEYS[1], KEYS[7], group, mark, acknowledged)", ""),
    ),
    *_of(
        "forget_identities",
        ("math.min(tonumber(redis.call('TIME')[1]), ARGV[1] / 1000)", "ARGV[1] / 1000"),
        ("ARGV[1] / 1000)", "tonumber(redis.call('TIME')[1]))"),
    ),
    *_of("reopen_notification", ("redis.call('HINCRBY', KEYS[3], 'dead', -1)", "")),
    *_of("drop_dead_letter", ("redis.call('HINCRBY', KEYS[2], 'dead_dropped', 1)", "")),
    *_of(
        "enter_group",
        (
            "local known, moved = restore_group(KEYS[1], KEYS[2], ARGV[1])",
            "local known = redis.call('EXISTS', KEYS[1]) == 1 and groups_of(KEYS[1])[ARGV[1]]\n"
            "local moved = false",
        ),
    ),
    *_of(
        "trim_history",
        ("limit = least(limit, after_id(done))", ""),
        ("pending[1] > 0 and pending[2] or unread", "unread"),
    ),
    *_of("", ("and not any(stream, '(' .. left[2], '(' .. right[1])", "")),
]
SINK: Final = [
    *_of(
        "lease",
        ("redis.call('ZADD', KEYS[2], 'XX', lease .. '.5', id)", "redis.call('ZREM', KEYS[2], id)"),
        ("return marks.holds(done, id) and redis.call('XACK', KEYS[1], group, id)", "return false"),
        (
            "left() > 0 and not full and not parked and #back == 0 then",
            "left() > 100 then",
        ),
        ("local there = #redis.call('XRANGE', KEYS[1], id, id) > 0", "local there = true"),
    ),
    *_of(
        "settle",
        ("local open = redis.call('XACK', KEYS[1], group, id) == 1", "local open = true"),
        ("redis.call('ZREM', KEYS[2], id) == 1)", "true)"),
        ("if retry == '1' and redis.call('ZSCORE', KEYS[2], id)", "if retry == '1'"),
        (
            "redis.call('XACK', KEYS[1], group, id) == 1 then\n            local",
            "true then\n local",
        ),
        ("if retry == '1' and not known or", "if"),
        ("count('replayed', -1)", "count('replayed', 0)"),
        ("marks.add(KEYS[1], KEYS[7], group, mark, acknowledged)", ""),
        ("redis.call('ZADD', KEYS[2], due, id)", ""),
        ("if applied and id == probing then", "if false then"),
    ),
    *_of(
        EXCHANGE,
        (
            "settled, leased = pipe.execute(",
            "pipe.command_stack.reverse()\n        leased, settled = pipe.execute(",
        ),
        ("if isinstance(settled, NoScriptError):", "if False:"),
    ),
    *_of(
        "requeue",
        ("if letter ~= '' and redis.call('XDEL', KEYS[4], letter) == 0 then", "if false then"),
        ("if new > 0 then", "if false then"),
        ("redis.call('ZADD', KEYS[1], 'NX', ARGV[2], ARGV[i])", ""),
    ),
    *_of(
        "park",
        ("or total ~= number or (state[5] or '') ~= ARGV[15] then", "then"),
        ("or (state[5] or '') ~= ARGV[15] then", "then"),
        ("if (state[1] or '') ~= ARGV[14] or", "if"),
        ("marks.add(KEYS[1], KEYS[2], group, redis.call('HGET', KEYS[2], group), ids)", ""),
        ("'total', string.format('%.0f', total + ARGV[7])", "'total', total"),
    ),
    *_of(
        "skip_parked",
        ("redis.call('HINCRBY', KEYS[2], ARGV[1] .. ':parked_damaged', parked)", ""),
        ("'place', '', ", ""),
    ),
    *_of(
        "give_back",
        ("(state[2] or '0') ~= ARGV[4]", "false"),
        ("if parked or redis.call('XACK', KEYS[5], group, ARGV[i]) == 1 then", "if true then"),
        ("known = known + 1", ""),
        ("'returned', ARGV[5]", "'returned', ARGV[4]"),
    ),
    *_of(
        "trim_history",
        ("limit = least(limit, pending[1] > 0 and pending[2] or unread)", ""),
        ("limit = least(limit, after_id(done))", ""),
    ),
]
SUBSCRIPTIONS: Final = [
    *_of(
        "acquire_lease",
        ("if owner and owner ~= ARGV[1] and left >= 0 and", "if false and"),
        (" and left <= tonumber(ARGV[2]) then", " then"),
        ("redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])", ""),
    ),
    *_of(
        "commit",
        ("if redis.call('GET', KEYS[1]) ~= ARGV[1] then", "if false then"),
        ("if (redis.call('HGET', KEYS[2], slot) or '') ~= ARGV[3] then", "if false then"),
        ("redis.call('HDEL', KEYS[2], slot)", ""),
        ("redis.call('ZADD', KEYS[9 + rank], ARGV[6], slot)", ""),
        ("redis.call('HSET', KEYS[5], name, value)", ""),
        ("redis.call('HSET', KEYS[4], name, value)", ""),
    ),
    *_of(
        "delete_credentials",
        ("redis.call('HDEL', KEYS[5], ARGV[i])", "redis.call('DEL', KEYS[5])"),
        ("redis.call('HDEL', KEYS[4], ARGV[i + 1])", "redis.call('DEL', KEYS[4])"),
    ),
]
