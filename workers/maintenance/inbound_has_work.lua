#!lua flags=allow-oom
-- include receiver.runtime groups
-- Removes unused consumers of the normalise workers' group, and tells whether the group has work.
-- KEYS inbound, marks. ARGV group. Returns 1 while any notification is open, or the group is not at the
-- position where it was left.
-- An entry that was delivered while this clock was ahead would count as a living worker's for as long as
-- the clock was ahead: it counts as delivered now.
if redis.call('EXISTS', KEYS[1]) == 0 then
    return 0
end
for _, raw in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local group = map(raw)
    if group['name'] == ARGV[1] then
        -- A consumer that nobody has used for an hour is deleted, unless it has pending entries.
        for _, one in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
            local consumer = map(one)
            if consumer['pending'] == 0 and consumer['idle'] > 3600000 then
                redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer['name'])
            end
        end
        if group['pending'] > 0 then
            for _, one in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000)) do
                -- An idle time of 0 may be a negative one; setting a true 0 again changes nothing.
                if one[3] == 0 and #redis.call('XRANGE', KEYS[1], one[1], one[1]) > 0 then
                    redis.call('XCLAIM', KEYS[1], ARGV[1], one[2], 0, one[1], 'IDLE', 0, 'JUSTID')
                end
            end
        end
        local last = map(redis.call('XINFO', 'STREAM', KEYS[1]))['last-generated-id']
        local at = group['last-delivered-id']
        local done = string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '', '%S+$')
        return (group['pending'] > 0 or at ~= last or (done and done ~= at)) and 1 or 0
    end
end
return redis.call('XLEN', KEYS[1]) > 0 and 1 or 0
