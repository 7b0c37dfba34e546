#!lua flags=allow-oom
-- include receiver.runtime checks
-- Writes what a web process says of its spool, on a full server too: that it has it, what it has erased in
-- it, and its answer to whoever asked for that. What was erased had been acknowledged and never was in
-- Redis, so it counts as accepted too, once for each number.
-- KEYS spools, ledger, requests to erase, this process's number
-- ARGV name of the spool, host, number, how many notifications were erased under it, seconds for which
--      requests are kept; where there is an answer, its field and the answer
-- Returns the request that stands there.
local last = tonumber(redis.call('GET', KEYS[4]) or '0')
refuse(
    {'HSET', KEYS[1], 'x', 'x'}, {'HINCRBY', KEYS[2], 'x', '1'}, {'HSET', KEYS[3], 'x', 'x'},
    {'EXPIRE', KEYS[3], '1'}, {'SET', KEYS[4], '1'})
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode({ARGV[2], tonumber(redis.call('TIME')[1])}))
refuse_words(KEYS[2], 'accepted', 'erased') -- that it is there is said all the same
if tonumber(ARGV[4]) > 0 and last < tonumber(ARGV[3]) then
    redis.call('SET', KEYS[4], ARGV[3], 'EX', 3600)
    redis.call('HINCRBY', KEYS[2], 'accepted', ARGV[4])
    redis.call('HINCRBY', KEYS[2], 'erased', ARGV[4])
end
if ARGV[6] then
    redis.call('HSET', KEYS[3], ARGV[6], ARGV[7])
    redis.call('EXPIRE', KEYS[3], ARGV[5])
end
return redis.call('HGET', KEYS[3], 'request')
