#!lua flags=allow-oom
-- include receiver.runtime checks
-- Counts what is parked of a retired sink as not come back, and forgets it: the files stay where they are.
-- KEYS parking, counts. ARGV sink. Returns how many they were.
refuse({'DEL', KEYS[1]}, {'HINCRBY', KEYS[2], 'x', '1'})
refuse_words(KEYS[2], ARGV[1] .. ':parked_damaged')
local state = redis.call('HMGET', KEYS[1], 'total', 'returned')
local parked = tonumber(state[1] or '0') - tonumber(state[2] or '0')
if parked > 0 then
    redis.call('HINCRBY', KEYS[2], ARGV[1] .. ':parked_damaged', parked)
end
redis.call('DEL', KEYS[1])
return parked
