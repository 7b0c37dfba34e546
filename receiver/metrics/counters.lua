-- include receiver.runtime clock
-- Adds one process's numbered batch of counts. It keeps each writer's last number, as `append.lua` does:
-- a batch whose reply was lost is not added again.
-- KEYS counts, when each listener last got a notification, this writer's number
-- ARGV number, how many names are kept apart, how many counts, per count its field and by how much,
--      per listener its name and when (ms); further names count together as `other`, once those
--      that have been silent for 30 days have made room
-- A time that is still to come is that of a clock which is, or was, ahead: it would hide a silence until then.
local function make_room(now)
    local heard = redis.call('HGETALL', KEYS[2])
    for i = 1, #heard, 2 do
        if (tonumber(heard[i + 1]) or now) < now - 30 * 86400000 then
            redis.call('HDEL', KEYS[2], heard[i])
        end
    end
end
local now = now_ms()
local last = tonumber(redis.call('GET', KEYS[3]) or '0')
if last >= tonumber(ARGV[1]) then
    return 0
end
redis.call('HLEN', KEYS[1])
redis.call('HLEN', KEYS[2])
redis.call('SET', KEYS[3], ARGV[1], 'EX', 3600)
local most, listeners = tonumber(ARGV[2]), 4 + 2 * tonumber(ARGV[3])
for i = 4, listeners - 1, 2 do
    redis.pcall('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) -- one field that is not a number stops no other
end
local made = false
for i = listeners, #ARGV, 2 do
    local name, at = ARGV[i], math.min(tonumber(ARGV[i + 1]), now)
    local known = redis.call('HGET', KEYS[2], name)
    if not known and not made and redis.call('HLEN', KEYS[2]) >= most - 1 then
        make_room(at)
        made = true -- once is enough: who invents names may have thousands of them here
    end
    if not known and redis.call('HLEN', KEYS[2]) >= most - 1 then
        name = 'other'
        known = redis.call('HGET', KEYS[2], name)
    end
    local before = tonumber(known or '') or 0
    if before < at or before > now then
        redis.call('HSET', KEYS[2], name, string.format('%.0f', at))
    end
end
return 1
