#!lua flags=allow-oom
-- include receiver.runtime checks
-- Ends the watch of a message without an event, and counts it as dropped.
-- KEYS watches, counts, due. ARGV name of the count, the watch. Returns 1 if it was there.
refuse(
    {'HDEL', KEYS[1], 'x'}, {'HINCRBY', KEYS[2], ARGV[1], '1'}, {'ZREM', KEYS[3], 'x'})
refuse_words(KEYS[2], ARGV[1])
redis.call('ZCARD', KEYS[3])
redis.call('ZREM', KEYS[3], ARGV[2])
local gone = redis.call('HDEL', KEYS[1], ARGV[2])
if gone > 0 then
    redis.call('HINCRBY', KEYS[2], ARGV[1], gone)
end
return gone
