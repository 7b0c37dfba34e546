#!lua flags=allow-oom
-- include receiver.runtime clock
-- include receiver.runtime groups
-- Adds the sample of this minute to the history, unless another sweep has: all of one moment.
-- KEYS history, ledger, inbound, events, counts of sinks, meter.
-- ARGV how many samples are kept, group of the normalise workers, prefixes of the sinks' groups, of
-- what is due to them and of what is parked of them, name of the histogram, the upper bounds of its buckets.
local MINUTE = 60000
local now = now_ms()
local minute = now - now % MINUTE
local kind = redis.call('TYPE', KEYS[1])['ok']
local function newest()
    local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
    return last and tonumber(string.match(last[1], '^%d+')) or 0
end
if kind ~= 'none' and newest() > now + 60 * MINUTE then
    -- A clock was ahead: behind what it has left nothing can be added, so the others are added anew.
    local others = redis.call('XRANGE', KEYS[1], '-', string.format('%.0f', now))
    redis.call('DEL', KEYS[1])
    for _, entry in ipairs(others) do
        redis.call('XADD', KEYS[1], entry[1], unpack(entry[2]))
    end
end
if kind ~= 'none' and newest() >= minute then
    return 0
end

local function count(key, field)
    return tonumber(redis.call('HGET', key, field) or '0') or 0
end
local function open_of(stream, group)
    return group and (open_in(stream, group)) or 0
end
local waiting = 0
for name, group in pairs(groups_of(KEYS[4])) do
    if string.sub(name, 1, #ARGV[3]) == ARGV[3] then
        local sink = string.sub(name, #ARGV[3] + 1)
        local parking = ARGV[5] .. sink
        waiting = waiting + open_of(KEYS[4], group) + redis.call('ZCARD', ARGV[4] .. sink)
            + count(parking, 'total') - count(parking, 'returned')
    end
end
local failed = 0
for field, value in pairs(map(redis.call('HGETALL', KEYS[5]))) do
    if string.sub(field, -16) == ':failed_attempts' then
        failed = failed + (tonumber(value) or 0)
    end
end
local times = {}
for i = 7, #ARGV do
    times[#times + 1] = count(KEYS[6], ARGV[6] .. '||' .. ARGV[i])
end
local sample = {
    count(KEYS[2], 'accepted'), count(KEYS[2], 'rejected'), count(KEYS[2], 'dead'), failed,
    open_of(KEYS[3], groups_of(KEYS[3])[ARGV[2]]), waiting, times,
}
local id = string.format('%.0f-0', minute)
redis.call('XADD', KEYS[1], 'MAXLEN', '=', ARGV[1], id, 's', cmsgpack.pack(sample))
return 1
