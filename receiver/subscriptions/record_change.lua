-- Records that a credential has changed, for the web processes. KEYS as of commit.lua.
local function record_change(digest)
    local revision = redis.call('GET', KEYS[7])
    if revision and not string.match(revision, '^%d+$') then -- somebody else wrote it
        local last = redis.call('ZREVRANGE', KEYS[6], 0, 0, 'WITHSCORES')[2]
        redis.call('SET', KEYS[7], string.format('%.0f', last or 0))
    end
    redis.call('ZADD', KEYS[6], redis.call('INCR', KEYS[7]), digest)
end
