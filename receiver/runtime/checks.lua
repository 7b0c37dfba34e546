-- Checks that a script makes before its first write. The server undoes nothing of a script that fails
-- half-way: whatever could fail in its writes fails here instead.
-- `refuse` takes commands, as tables, and fails if the user may not run one of them on its key;
-- `refuse_full` takes streams and fails if one has the greatest id, for it takes no more entries;
-- `refuse_words` takes a hash and names of counts in it, and fails if one is not a number.
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
