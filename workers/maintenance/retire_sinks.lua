#!lua flags=allow-oom
-- include receiver.runtime clock
-- include receiver.runtime groups
-- Records which sinks are configured, and deletes consumers of the sinks' groups that nobody uses any more,
-- unless they have pending entries. Returns the names of sinks that have a group, or the mark of one that
-- somebody has destroyed, and that no supervisor has had configured for long.
-- KEYS events, counts, marks. ARGV how long (ms) a sink must not have been configured, how long (ms) a consumer
-- must not have been used, the caller's time (ms), per configured sink its name and what becomes of its events
-- past its share: park, shed or hold. Both are stamped with this server's time; a time has passed when it
-- has by both clocks.
local now = now_ms()
local stamp = string.format('%.0f', now)
local earlier = math.min(now, tonumber(ARGV[3]))
local retired = {}
local function tidy(group)
    for _, raw in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], group)) do
        local consumer = map(raw)
        if consumer['pending'] == 0 and consumer['idle'] >= tonumber(ARGV[2]) then
            redis.call('XGROUP', 'DELCONSUMER', KEYS[1], group, consumer['name'])
        end
    end
end
for i = 4, #ARGV, 2 do
    redis.call('HSET', KEYS[2], ARGV[i] .. ':configured', stamp, ARGV[i] .. ':' .. ARGV[i + 1] .. 's', stamp)
end
if redis.call('EXISTS', KEYS[1]) == 0 then
    return retired
end
local groups = groups_of(KEYS[1])
for name in pairs(groups) do
    if string.match(name, '^forward:') then
        tidy(name)
    end
end
for _, name in ipairs(redis.call('HKEYS', KEYS[3])) do
    if not string.match(name, '^forward:.*:') then
        groups[name] = groups[name] or {}
    end
end
for name in pairs(groups) do
    local sink = string.match(name, '^forward:(.*)$')
    if sink then
        local field = sink .. ':configured'
        local known = tonumber(redis.call('HGET', KEYS[2], field) or '')
        -- A stamp in the future was written while this clock was ahead.
        if not known or known > now + 60000 then
            redis.call('HSET', KEYS[2], field, stamp)
        elseif earlier - known > tonumber(ARGV[1]) then
            retired[#retired + 1] = sink
        end
    end
end
return retired
