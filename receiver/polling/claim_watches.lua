-- include receiver.runtime clock
-- Takes watches that are due, and makes them due again a while later, should nobody settle them.
-- KEYS watches, due. ARGV how many at most, that while (ms). Returns the time (ms), then the records.
local now = now_ms()
local found = {now}
for _, field in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[1])) do
    local record = redis.call('HGET', KEYS[1], field)
    if record then
        redis.call('ZADD', KEYS[2], now + ARGV[2], field)
        found[#found + 1] = record
    else
        redis.call('ZREM', KEYS[2], field)
    end
end
return found
