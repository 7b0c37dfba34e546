#!lua flags=allow-oom
-- Writes down how a poll stands, and counts the end of one page: once for each receipt.
-- KEYS the poll's state, the receipts counted last
-- ARGV receipt ('' for none), the number of fields, then each field and its value ('' to remove it),
--      then each count and by how much
local state, counted = KEYS[1], KEYS[2]
local fields = tonumber(ARGV[2])
for i = 3, 2 + 2 * fields, 2 do
    if ARGV[i + 1] == '' then
        redis.call('HDEL', state, ARGV[i])
    else
        redis.call('HSET', state, ARGV[i], ARGV[i + 1])
    end
end
if ARGV[1] ~= '' then
    local now = redis.call('TIME')[1]
    if redis.call('ZADD', counted, 'NX', now, ARGV[1]) == 0 then
        return 0
    end
    redis.call('ZREMRANGEBYRANK', counted, 0, -1001)
end
for i = 3 + 2 * fields, #ARGV, 2 do
    redis.pcall('HINCRBY', state, ARGV[i], ARGV[i + 1]) -- one field that is no number stops no other
end
return 1
