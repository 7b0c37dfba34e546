#!lua flags=allow-oom
-- include receiver.runtime checks
-- include receiver.runtime clock
-- Counts what is parked of a sink as not come back, so that newer events are sent. The directory loses its
-- claim: its files are kept if it is seen again.
-- KEYS parking, counts. ARGV sink. Returns how many they were.
refuse({'HSET', KEYS[1], 'x', ''}, {'HINCRBY', KEYS[2], 'x', '1'})
refuse_words(KEYS[2], ARGV[1] .. ':parked_damaged')
local state = redis.call('HMGET', KEYS[1], 'total', 'returned', 'to')
local parked = tonumber(state[1] or '0') - tonumber(state[2] or '0')
if parked > 0 then
    redis.call('HINCRBY', KEYS[2], ARGV[1] .. ':parked_damaged', parked)
    redis.call('HSET', KEYS[1], 'damaged', string.format('%.0f', now_ms()), 'returned', state[1], 'returned_to', state[3], 'place', '', 'bytes', '0')
end
return parked
