-- What one sink's worker is to deliver next: what it or a dead one left, what is due, what is new.
-- KEYS events, due, items, state, bell
-- ARGV group, consumer, now (ms), lease until (ms), how many, retries from which on nothing new is
--      read, idle time (ms) after which a consumer counts as dead, own pending after this id or ''
-- Returns {why nothing may be sent or '', id after which to go on with own pending or '', the
--      stream's last id, {{'1' if it is a retry, id, event or encoded delivery}, ...}}.
-- The bell is cleared only by who may read: a sink that is held is not rung for over and over. A due
-- delivery is leased, not removed: only its outcome removes it.
local group, consumer = ARGV[1], ARGV[2]
local now, wanted = tonumber(ARGV[3]), tonumber(ARGV[5])
local state = redis.call('HMGET', KEYS[4], 'stopped', 'open_until')
local probe = false
if state[1] then
    return {'stopped', ARGV[8], '', {}}
end
if state[2] then
    if tonumber(state[2]) > now then
        return {'open', ARGV[8], '', {}}
    end
    probe, wanted = true, 1
end

redis.call('DEL', KEYS[5])

local found = {}
local function left()
    return wanted - #found
end
local function add(entries)
    for _, entry in ipairs(entries) do
        found[#found + 1] = {'0', entry[1], entry[2] and entry[2][2] or ''}
    end
end
local function read(from)
    local reply = redis.call(
        'XREADGROUP', 'GROUP', group, consumer, 'COUNT', left(), 'STREAMS', KEYS[1], from)
    add(reply and reply[1][2] or {})
end

local cursor = ARGV[8]
if cursor ~= '' then
    read(cursor)
    cursor = left() == 0 and found[#found][2] or ''
end
if ARGV[8] ~= '' and left() > 0 then
    add(redis.call(
        'XAUTOCLAIM', KEYS[1], group, consumer, ARGV[7], '0-0', 'COUNT', left())[2])
end
if left() > 0 then
    local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, left())
    for _, id in ipairs(due) do
        redis.call('ZADD', KEYS[2], 'XX', ARGV[4], id)
        found[#found + 1] = {'1', id, redis.call('HGET', KEYS[3], id) or ''}
    end
end
local full = redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[6])
if left() > 0 and not full then
    read('>')
end
if probe and #found > 0 then
    redis.call('HSET', KEYS[4], 'probing', '1', 'open_until', ARGV[4])
end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return {full and #found == 0 and 'full' or '', cursor, last and last[1] or '0-0', found}
