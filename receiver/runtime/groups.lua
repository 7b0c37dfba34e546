-- Returns a reply that lists names and values in turn as a table.
local function map(list)
    local found = {}
    for i = 1, #list, 2 do
        found[list[i]] = list[i + 1]
    end
    return found
end
-- Returns the consumer groups of a stream, by name; none where there is no such key.
local function groups_of(stream)
    local found = {}
    if redis.call('EXISTS', stream) == 1 then
        for _, raw in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
            local group = map(raw)
            found[group['name']] = group
        end
    end
    return found
end
-- Returns how many entries were ever added to a stream; 0 where there is no such key.
local function entries_added(stream)
    if redis.call('EXISTS', stream) == 0 then
        return 0
    end
    return map(redis.call('XINFO', 'STREAM', stream))['entries-added']
end
-- Returns how many entries a group has still to acknowledge, delivered or not, and whether that is exact.
local function open_in(stream, group)
    local lag, exact = group['lag'], true
    if not lag then
        -- The server cannot tell, because one ahead of the group was deleted (by `receiver erase` or by hand):
        -- count them, up to a bound.
        local most = 5000
        lag = #redis.call('XRANGE', stream, '(' .. group['last-delivered-id'], '+', 'COUNT', most)
        exact = lag < most
    end
    return group['pending'] + lag, exact
end
