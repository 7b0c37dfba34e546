-- include receiver.runtime clock
-- Takes watches that are due, and makes them due again a while later, should nobody settle them.
-- KEYS watches, due. ARGV how many at most, that while (ms), the longest pause (ms). Returns the time (ms),
-- then the records.
-- What is due later than any pause lasts was put off while this clock was ahead, and is due now.
local now, most = now_ms(), tonumber(ARGV[1])
local fields = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, most)
if #fields < most then
    local far = string.format('(%.0f', now + ARGV[3])
    for _, field in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], far, '+inf', 'LIMIT', 0, most - #fields)) do
        fields[#fields + 1] = field
    end
end
local found = {now}
for _, field in ipairs(fields) do
    local record = redis.call('HGET', KEYS[1], field)
    if record then
        redis.call('ZADD', KEYS[2], now + ARGV[2], field)
        found[#found + 1] = record
    else
        redis.call('ZREM', KEYS[2], field)
    end
end
return found
