-- include receiver.runtime foreign
-- include receiver.runtime groups
-- The ledger of one moment. KEYS ledger, inbound, losses. ARGV consumer group.
local function count(name)
    return whole(name, redis.call('HGET', KEYS[1], name))
end
local function opened()
    local group = groups_of(KEYS[2])[ARGV[1]]
    if group then
        return open_in(KEYS[2], group)
    end
    return redis.call('XLEN', KEYS[2]), true
end
local open, exact = opened()
local lost = 0
for _, missing in ipairs(redis.pcall('HVALS', KEYS[3])) do -- none where it is somebody else's
    lost = lost + (tonumber(missing) or 0)
end
return {
    count('accepted'), count('published'), count('duplicate'), count('duplicate_provider_id'),
    count('duplicate_composite'), count('duplicate_fingerprint'), count('dead'), count('erased'), open,
    count('events'), count('late'), count('rejected'), count('dead_dropped'),
    count('dead_trimmed'), count('events_trimmed'), count('events_unread_trimmed'),
    lost, exact and 1 or 0, unreadable,
}
