#!lua flags=allow-oom
-- include receiver.runtime clock
-- include receiver.runtime checks
-- Writes what follows from one answer: the record, when it is due, the counts; or nothing at all where
-- the record is another by now.
-- KEYS watches, counts, due. ARGV field, its poll, the record before, the record after ('' for the
-- end), the pause until it is due (ms), then names of counts. Returns 1 if it was written.
refuse(
    {'HSET', KEYS[1], ARGV[1], ''}, {'HDEL', KEYS[1], ARGV[1]}, {'HINCRBY', KEYS[2], 'x', '1'},
    {'ZADD', KEYS[3], '0', ''}, {'ZREM', KEYS[3], ''})
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[3] then
    return 0
end
for i = 6, #ARGV do
    refuse_words(KEYS[2], ARGV[2] .. ':' .. ARGV[i])
end
redis.call('ZCARD', KEYS[3])
if ARGV[4] == '' then
    redis.call('HDEL', KEYS[1], ARGV[1])
    redis.call('ZREM', KEYS[3], ARGV[1])
else
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
    redis.call('ZADD', KEYS[3], now_ms() + ARGV[5], ARGV[1])
end
for i = 6, #ARGV do
    redis.call('HINCRBY', KEYS[2], ARGV[2] .. ':' .. ARGV[i], 1)
end
return 1
