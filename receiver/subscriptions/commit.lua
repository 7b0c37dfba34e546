#!lua flags=allow-oom
-- include receiver.subscriptions record_change
-- Stores one step of one slot, all of it or nothing: its record, when its next step is due, and the
-- writes that belong to the step.
-- KEYS: lease, slots, ids, attempts, credentials, changes and revision of the credentials, sets, then
-- a sorted set of due slots for each rank.
-- ARGV: owner, slot, its record before and after ('' where there is none), rank, due (ms; '' for
-- never), then a triple of kind, name and value for each other write.
-- Returns 'done'; 'lease' where another owner has the lease; 'stale' where the record has changed.
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
for rank = 0, #KEYS - 9 do
    if ARGV[6] == '' or tonumber(ARGV[5]) ~= rank then
        redis.call('ZREM', KEYS[9 + rank], slot)
    else
        redis.call('ZADD', KEYS[9 + rank], ARGV[6], slot)
    end
end
local function read(text) -- nil where it is no credential: somebody else wrote it
    local whole, found = pcall(cjson.decode, text or '')
    return whole and type(found) == 'table' and type(found.expires) == 'number' and found or nil
end
for i = 7, #ARGV, 3 do
    local kind, name, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    if kind == 'credential' then
        redis.call('HSET', KEYS[5], name, value)
        record_change(name)
    elseif kind == 'expire' then
        local found = read(redis.call('HGET', KEYS[5], name))
        if found and tonumber(value) < found.expires then
            found.expires = tonumber(value)
            redis.call('HSET', KEYS[5], name, cjson.encode(found))
            record_change(name)
        end
    elseif kind == 'attempt' then
        redis.call('HSET', KEYS[4], name, value)
    elseif kind == 'id' then
        redis.call('HSET', KEYS[3], name, value)
    elseif kind == 'count' then
        if type(redis.pcall('HINCRBYFLOAT', KEYS[8], name, value)) == 'table' then
            redis.call('HSET', KEYS[8], name, value) -- it was no number
        end
    end
end
return 'done'
