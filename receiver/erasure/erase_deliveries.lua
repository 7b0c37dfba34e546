#!lua flags=allow-oom
-- include receiver.runtime checks
-- Erases deliveries that wait for another attempt, and counts them as that sink's outcome.
-- KEYS due, items, refused, counts. ARGV name of the count, names of the deliveries
-- Returns how many were there. What a worker is sending just now ends as if it had never been.
refuse(
    {'ZREM', KEYS[1], 'x'}, {'HDEL', KEYS[2], 'x'}, {'HDEL', KEYS[3], 'x'},
    {'HINCRBY', KEYS[4], ARGV[1], '1'})
refuse_words(KEYS[4], ARGV[1])
redis.call('ZCARD', KEYS[1])
local gone = 0
for i = 2, #ARGV do
    redis.call('HDEL', KEYS[2], ARGV[i])
    redis.call('HDEL', KEYS[3], ARGV[i])
    gone = gone + redis.call('ZREM', KEYS[1], ARGV[i])
end
if gone > 0 then
    redis.call('HINCRBY', KEYS[4], ARGV[1], gone)
end
return gone
