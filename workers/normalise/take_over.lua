#!lua flags=allow-oom
-- Gives a consumer of the group what other consumers have left open for long. An entry that somebody has
-- deleted from the stream comes without fields and stays open where it is: to claim it (XAUTOCLAIM, XCLAIM)
-- would take it out of the group before it has an outcome, and its outcome acknowledges it, whoever has it.
-- KEYS inbound. ARGV group, consumer, how long (ms) an entry must not have been touched, entries at most
-- Returns ids and fields.
local found = {}
for _, one in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', ARGV[4])) do
    local id, owner = one[1], one[2]
    if owner ~= ARGV[2] then
        local there = #redis.call('XRANGE', KEYS[1], id, id) > 0
        found[#found + 1] = there
            and redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], id)[1] or {id, false}
    end
end
return found
