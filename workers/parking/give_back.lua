#!lua flags=allow-oom
-- include receiver.runtime checks
-- include receiver.runtime clock
-- include workers marks
-- Gives a sink deliveries that are due now, in their order: parked events that come back, or, where no
-- place is named, entries that are pending in its group, whose worker does not settle them.
-- KEYS due, items, counts, parking, events, marks
-- ARGV group, sink, the directory's name or '', number of the first to come back, number of the first
--      that stays, how many of those between cannot be read, how many were erased, last entry that comes
--      back or '' for none, the directory's bytes, then per event its id and encoded delivery
-- Returns how many came back; -1 where what is parked is no more as the caller read it.
local group, sink, place, missing, erased = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[6]), tonumber(ARGV[7])
local parked = place ~= ''
refuse(
    {'HSETNX', KEYS[2], 'x', ''}, {'ZADD', KEYS[1], 'NX', '0', 'x'},
    {'HINCRBY', KEYS[3], 'x', '1'}, {'HSET', KEYS[4], 'x', ''}, {'XACK', KEYS[5], group, '0-0'},
    {'HSET', KEYS[6], 'x', ''}, {'XRANGE', KEYS[5], '-', '+'}, {'XPENDING', KEYS[5], group, '-', '+', '1'})
redis.call('ZCARD', KEYS[1])
redis.call('HLEN', KEYS[2])
refuse_words(KEYS[3], sink .. ':replayed', sink .. ':parked_damaged', sink .. ':erased')
local state = redis.call('HMGET', KEYS[4], 'place', 'returned', 'due', 'to', 'total')
if parked and (state[1] ~= place or (state[2] or '0') ~= ARGV[4]) then
    return -1
end
-- Scores tell their order, and none is later than now: thousands share a millisecond.
local STEP, many = 1 / 1024, (#ARGV - 9) / 2
local now, last = now_ms(), tonumber(state[3] or '0')
-- One that is well ahead was written while this clock was.
local due = math.max(now - many * STEP, last > now + 1000 and 0 or last)
local back, known, acknowledged = 0, 0, {}
for i = 10, #ARGV, 2 do
    if parked or redis.call('XACK', KEYS[5], group, ARGV[i]) == 1 then
        acknowledged[#acknowledged + 1] = ARGV[i]
        due, back = due + STEP, back + 1
        if redis.call('HSETNX', KEYS[2], ARGV[i], ARGV[i + 1]) == 0 then
            known = known + 1 -- replayed while it was still open: the two become one
        end
        redis.call('ZADD', KEYS[1], 'NX', string.format('%.10f', due), ARGV[i])
    end
end
if known > 0 then
    redis.call('HINCRBY', KEYS[3], sink .. ':replayed', -known)
end
redis.call('HSET', KEYS[4], 'due', string.format('%.10f', due))
if parked then
    if missing > 0 then
        redis.call('HINCRBY', KEYS[3], sink .. ':parked_damaged', missing)
        redis.call('HSET', KEYS[4], 'damaged', string.format('%.0f', now))
    end
    if erased > 0 then
        redis.call('HINCRBY', KEYS[3], sink .. ':erased', erased)
    end
    redis.call('HSET', KEYS[4], 'returned', ARGV[5], 'bytes', ARGV[5] == state[5] and '0' or ARGV[9],
        'returned_to', ARGV[8] ~= '' and ARGV[8] or state[4])
else
    marks.add(KEYS[5], KEYS[6], group, redis.call('HGET', KEYS[6], group), acknowledged)
end
return back
