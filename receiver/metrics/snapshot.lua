-- include receiver.runtime clock
-- include receiver.runtime groups
-- Reads what waits on the streams at one moment. KEYS streams.
-- Returns the time (ms), then per stream {entries, its groups}, per group {name, how many entries it has
-- still to acknowledge or -1 when the server cannot tell, when the oldest was written (ms) or 0}.
local function milliseconds(id)
    return tonumber(string.match(id, '^%d+'))
end
local function waiting(stream, group)
    local oldest
    if group['pending'] > 0 then
        oldest = redis.call('XPENDING', stream, group['name'])[2]
    else
        local after = '(' .. group['last-delivered-id']
        local entry = redis.call('XRANGE', stream, after, '+', 'COUNT', 1)[1]
        oldest = entry and entry[1]
    end
    local behind = group['lag'] and group['pending'] + group['lag'] or -1
    return {group['name'], behind, oldest and milliseconds(oldest) or 0}
end

local found = {now_ms()}
for _, stream in ipairs(KEYS) do
    local groups = {}
    local length, kind = 0, redis.call('TYPE', stream)['ok']
    if kind == 'stream' then -- else it is not a stream of ours
        length = redis.call('XLEN', stream)
        for _, raw in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
            groups[#groups + 1] = waiting(stream, map(raw))
        end
    end
    found[#found + 1] = {length, groups}
end
return found
