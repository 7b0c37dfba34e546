#!lua flags=allow-oom
-- include receiver.runtime checks
-- Has a sink deliver events once more: they wait in its retry set, due now.
-- KEYS due, items, counts, and, where a dead letter is sent on its way again, dead letters
-- ARGV name of the count, due (ms), the letter's id or '', then per event its id and encoded delivery
-- Returns how many were not waiting there already; -1 if the letter was gone.
-- A letter is the only copy of its event: what could fail after it went is asked for first.
local letter = ARGV[3]
refuse(
    {'HSETNX', KEYS[2], 'x', ''}, {'ZADD', KEYS[1], 'NX', '0', 'x'},
    {'HINCRBY', KEYS[3], ARGV[1], '1'})
if letter ~= '' then
    refuse({'XDEL', KEYS[4], '0-0'})
end
redis.call('ZCARD', KEYS[1])
redis.call('HLEN', KEYS[2])
refuse_words(KEYS[3], ARGV[1])
if letter ~= '' and redis.call('XDEL', KEYS[4], letter) == 0 then
    return -1
end
local new = 0
for i = 4, #ARGV, 2 do
    new = new + redis.call('HSETNX', KEYS[2], ARGV[i], ARGV[i + 1])
    redis.call('ZADD', KEYS[1], 'NX', ARGV[2], ARGV[i])
end
if new > 0 then
    redis.call('HINCRBY', KEYS[3], ARGV[1], new)
end
return new
