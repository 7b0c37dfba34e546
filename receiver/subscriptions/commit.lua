#!lua flags=allow-oom
-- One step of one slot: its record, when it is due, and all that goes with it, or nothing at all.
-- KEYS: lease, slots, ids, attempts, credentials, their changes, their revision, sets, due by rank.
-- ARGV: owner, slot, the record before, the record after ('' where there is none), rank, due (ms),
-- then triples of what goes with it.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 'lease'
end
local slot = ARGV[2]
if (redis.call('HGET', KEYS[2], slot) or '') ~= ARGV[3] then
    return 'stale'
end
if ARGV[4] == '' then
    redis.call('HDEL', KEYS[2], slot)
else
    redis.call('HSET', KEYS[2], slot, ARGV[4])
end
for rank = 0, 2 do
    if ARGV[6] == '' or tonumber(ARGV[5]) ~= rank then
        redis.call('ZREM', KEYS[9 + rank], slot)
    else
        redis.call('ZADD', KEYS[9 + rank], ARGV[6], slot)
    end
end
local function changed(digest)
    redis.call('ZADD', KEYS[6], redis.call('INCR', KEYS[7]), digest)
end
for i = 7, #ARGV, 3 do
    local what, name, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    if what == 'credential' then
        redis.call('HSET', KEYS[5], name, value)
        changed(name)
    elseif what == 'expire' then
        local text = redis.call('HGET', KEYS[5], name)
        local found = text and cjson.decode(text)
        if found and tonumber(value) < found.expires then
            found.expires = tonumber(value)
            redis.call('HSET', KEYS[5], name, cjson.encode(found))
            changed(name)
        end
    elseif what == 'attempt' then
        redis.call('HSET', KEYS[4], name, value)
    elseif what == 'id' then
        redis.call('HSET', KEYS[3], name, value)
    elseif what == 'count' then
        redis.call('HINCRBYFLOAT', KEYS[8], name, value)
    end
end
return 'done'
