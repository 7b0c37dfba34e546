#!lua flags=allow-oom
-- include receiver.runtime checks
-- include receiver.runtime clock
-- include workers marks
-- include workers restore_group
-- Takes a sink's oldest waiting events off the stream: they are parked on disk by now, or let go, or the
-- sink's filter does not want them. All of it or nothing.
-- KEYS events, marks, counts, parking
-- ARGV group, sink, where the group stood when they were read, the first and the last that leave, how
--      many leave, how many of them were parked, filtered and let go, the directory's name, number of
--      the first that was parked, the directory's host, its bytes, the directory that has what was
--      parked before, the turn in which that was read
-- Returns 1, or 0 where the group, the stream or what is parked is no more as the caller read it.
local group, sink, number = ARGV[1], ARGV[2], tonumber(ARGV[11])
refuse(
    {'XGROUP', 'SETID', KEYS[1], group, '0'}, {'XGROUP', 'CREATE', KEYS[1], group, '0'},
    {'XPENDING', KEYS[1], group, '-', '+', '1'}, {'XRANGE', KEYS[1], '-', '+'},
    {'XINFO', 'GROUPS', KEYS[1]}, {'XINFO', 'STREAM', KEYS[1]},
    {'HSET', KEYS[2], 'x', ''}, {'HDEL', KEYS[2], 'x'}, {'HINCRBY', KEYS[2], 'x', '1'},
    {'HINCRBY', KEYS[3], 'x', '1'}, {'HSET', KEYS[4], 'x', ''}, {'HDEL', KEYS[4], 'x'})
refuse_words(KEYS[3], sink .. ':filtered', sink .. ':shed')
local state = redis.call('HMGET', KEYS[4], 'place', 'total', 'returned', 'returned_to', 'turn')
local total, returned = tonumber(state[2] or '0'), tonumber(state[3] or '0')
-- Of another turn is what comes late: the caller has looked again since, and deleted what it counts on.
if (state[1] or '') ~= ARGV[14] or total ~= number or (state[5] or '') ~= ARGV[15] then
    return 0
end
local known, moved = restore_group(KEYS[1], KEYS[2], group)
local found = known and groups_of(KEYS[1])[group]
if not found or moved or found['last-delivered-id'] ~= ARGV[3] or open(KEYS[1], group, ARGV[4], ARGV[5]) then
    return 0
end
if #redis.call('XRANGE', KEYS[1], ARGV[4], ARGV[5], 'COUNT', ARGV[6]) ~= tonumber(ARGV[6]) then
    return 0 -- one was erased meanwhile, and counted by whoever did that
end

-- The server counts on how many entries a group has read, unless one ahead of it was deleted.
local read = found['lag'] and found['entries-read']
if read then
    redis.call('XGROUP', 'SETID', KEYS[1], group, ARGV[5],
        'ENTRIESREAD', string.format('%.0f', read + ARGV[6]))
else
    redis.call('XGROUP', 'SETID', KEYS[1], group, ARGV[5])
end
local ids = ARGV[4] == ARGV[5] and {ARGV[4]} or {ARGV[4], ARGV[5]}
marks.add(KEYS[1], KEYS[2], group, redis.call('HGET', KEYS[2], group), ids)
for i, name in ipairs({'filtered', 'shed'}) do
    local count = tonumber(ARGV[7 + i])
    if count > 0 then
        redis.call('HINCRBY', KEYS[3], sink .. ':' .. name, count)
    end
end
if tonumber(ARGV[7]) > 0 then
    if total == returned then
        redis.call('HSET', KEYS[4], 'returned', returned, 'returned_to', ARGV[3],
            'since', string.format('%.0f', now_ms()))
    end
    redis.call('HSET', KEYS[4], 'place', ARGV[10], 'host', ARGV[12], 'bytes', ARGV[13],
        'total', string.format('%.0f', total + ARGV[7]), 'to', ARGV[5])
end
return 1
