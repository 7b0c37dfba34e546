-- The books of one moment. KEYS ledger, inbound, losses. ARGV consumer group.
local function count(name)
    return tonumber(redis.call('HGET', KEYS[1], name) or '0') or 0
end
local function open()
    if redis.call('EXISTS', KEYS[2]) == 0 then
        return 0
    end
    for _, raw in ipairs(redis.call('XINFO', 'GROUPS', KEYS[2])) do
        local group = {}
        for i = 1, #raw, 2 do
            group[raw[i]] = raw[i + 1]
        end
        if group['name'] == ARGV[1] then
            local lag = group['lag']
            if not lag then
                -- The server cannot tell (entries were deleted by hand): count them.
                lag = #redis.call('XRANGE', KEYS[2], '(' .. group['last-delivered-id'], '+')
            end
            return group['pending'] + lag
        end
    end
    return redis.call('XLEN', KEYS[2])
end
local lost = 0
for _, missing in ipairs(redis.pcall('HVALS', KEYS[3])) do -- none where it is somebody else's
    lost = lost + (tonumber(missing) or 0)
end
return {
    count('accepted'), count('published'), count('duplicate'), count('duplicate_provider_id'),
    count('duplicate_composite'), count('duplicate_fingerprint'), count('dead'), open(),
    count('events'), count('late'), count('rejected'), count('dead_dropped'),
    count('dead_trimmed'), count('events_trimmed'), count('events_unread_trimmed'),
    lost,
}
