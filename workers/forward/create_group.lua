#!lua flags=allow-oom
-- include receiver.runtime groups
-- include receiver.runtime foreign
-- include workers restore_group
-- Creates a sink's consumer group unless it exists, and sets its count `begun` so that the sink's ledger
-- balances.
-- KEYS events, due, counts, marks, parking. ARGV group, sink, where it begins: `$` (events from now on) or `0`.
-- What another program wrote where those counts are taken from counts as none.
-- Returns 1 if the group was created, 2 if somebody had destroyed or moved it: it goes on from its mark.
local known, moved = restore_group(KEYS[1], KEYS[4], ARGV[1])
if known then
    return moved and 2 or 0
end
local added, length = entries_added(KEYS[1]), redis.call('XLEN', KEYS[1])
local before = ARGV[3] == '$' and added or added - length
local function count(name)
    return whole(name, redis.call('HGET', KEYS[3], ARGV[2] .. ':' .. name))
end
-- The group comes last: until it exists all of this is done again, and then never more.
local settled = count('delivered') + count('filtered') + count('dead') - count('replayed')
settled = settled + count('shed') + count('parked_damaged') + count('erased')
local parking = read('parking', 'HMGET', KEYS[5], 'total', 'returned') or {}
local parked = whole('total', parking[1]) - whole('returned', parking[2])
local retried = read('due', 'ZCARD', KEYS[2]) or 0
local begun = before - settled - parked - retried
redis.call('HSET', KEYS[3], ARGV[2] .. ':begun', begun)
redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[3], 'MKSTREAM', 'ENTRIESREAD', before)
restore_group(KEYS[1], KEYS[4], ARGV[1])
return 1
