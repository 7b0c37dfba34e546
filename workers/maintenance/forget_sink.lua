#!lua flags=allow-oom
-- include receiver.runtime checks
-- include receiver.runtime groups
-- Lets go of a retired sink: its group goes, and what was not delivered of it is counted, as let go or, where
-- it is parked, as not come back (the files stay where they are). So does its state: named again it begins anew.
-- KEYS parking, counts, events, marks, state. ARGV sink, group. Returns how many were let go and how many parked.
local sink, group = ARGV[1], ARGV[2]
refuse({'DEL', KEYS[1]}, {'HINCRBY', KEYS[2], 'x', '1'}, {'HDEL', KEYS[2], 'x'},
    {'XGROUP', 'DESTROY', KEYS[3], group}, {'HDEL', KEYS[4], 'x'}, {'DEL', KEYS[5]})
refuse_words(KEYS[2], sink .. ':parked_damaged', sink .. ':shed')
local state = redis.call('HMGET', KEYS[1], 'total', 'returned')
local parked = tonumber(state[1] or '0') - tonumber(state[2] or '0')
local found, open = groups_of(KEYS[3])[group], 0
if found then
    open = open_in(KEYS[3], found)
    redis.call('XGROUP', 'DESTROY', KEYS[3], group)
end
for name, count in pairs({parked_damaged = parked, shed = open}) do
    if count > 0 then
        redis.call('HINCRBY', KEYS[2], sink .. ':' .. name, count)
    end
end
redis.call('DEL', KEYS[1])
redis.call('DEL', KEYS[5])
redis.call('HDEL', KEYS[2], sink .. ':configured')
redis.call('HDEL', KEYS[4], group, group .. ':added', group .. ':moves', group .. ':moved')
return {open, parked}
