-- include receiver.runtime checks
-- Begins to watch a message, unless it is watched already, and takes its entry off the stream.
-- KEYS watch stream, watches, counts, due. ARGV field, record as JSON, its poll, when it is due (ms),
-- its entry on the stream ('' for none). Returns 1 if it was new.
refuse(
    {'XDEL', KEYS[1], '0-0'}, {'HSET', KEYS[2], ARGV[1], ''},
    {'HINCRBY', KEYS[3], 'x', '1'}, {'ZADD', KEYS[4], '0', ''})
refuse_words(KEYS[3], ARGV[3] .. ':watched')
redis.call('ZCARD', KEYS[4])
if ARGV[5] ~= '' then
    redis.call('XLEN', KEYS[1])
end
local new = redis.call('HGET', KEYS[2], ARGV[1]) and 0 or 1
if new == 1 then
    redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
    redis.call('ZADD', KEYS[4], ARGV[4], ARGV[1])
    redis.call('HINCRBY', KEYS[3], ARGV[3] .. ':watched', 1)
end
if ARGV[5] ~= '' then
    redis.call('XDEL', KEYS[1], ARGV[5])
end
return new
