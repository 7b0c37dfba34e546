"""Lua scripts that move work between structures: all of their writes happen or none, in a full
server too.

The server undoes nothing of a script that fails half-way. So such a script first asks, with what
stands before it here, for what its writes could fail at: a command or key that its user may not
use, a key of another type, a count that is no number, a stream that takes no entry any more.
"""

from typing import Final

_BEFORE: Final = """\
#!lua flags=allow-oom
local function refuse(...)
    for _, command in ipairs({...}) do
        if not redis.acl_check_cmd(unpack(command)) then
            error({err = 'NOPERM this user may not run ' .. command[1] .. ' on ' .. command[2]})
        end
    end
end
local function refuse_full(...)
    for _, stream in ipairs({...}) do
        local far = '18446744073709551615-18446744073700000000'
        if #redis.call('XRANGE', stream, far, '+', 'COUNT', 1) > 0 then
            error({err = 'ERR ' .. stream .. ' takes no further entry: it has the last id'})
        end
    end
end
local function refuse_words(hash, ...)
    for i, count in ipairs(redis.call('HMGET', hash, ...)) do
        if count and (#count > 18 or not string.match(count, '^%-?%d+$')) then
            error({err = 'ERR ' .. select(i, ...) .. ' in ' .. hash .. ' is not a number'})
        end
    end
end
"""


def whole(script: str) -> str:
    """Return a script with these checks before it, allowed to write in a full server.

    `refuse` takes commands, as tables; `refuse_full` takes streams; `refuse_words` a hash and the
    names of counts in it. Each of them fails, and so does the script, before anything has happened.
    """
    return _BEFORE + script
