-- Keeps the streams' histories bounded and the group tidy. Nothing open is ever trimmed.
-- KEYS inbound, events, dead letters, ledger
-- ARGV group, retention of inbound, events, dead letters (ms each), events kept, dead letters kept,
--      1 when memory is short: the oldest tenth of the histories goes
-- Returns 1 while any notification is open.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local group, short = ARGV[1], ARGV[7] == '1'

local function pairs_of(list)
    local map = {}
    for i = 1, #list, 2 do
        map[list[i]] = list[i + 1]
    end
    return map
end
local function milliseconds(id)
    return tonumber(string.match(id, '^%d+'))
end
local function groups_of(stream)
    if redis.call('EXISTS', stream) == 0 then
        return {}
    end
    return redis.call('XINFO', 'GROUPS', stream)
end

-- The id behind which everything is done, for every group that is ours to wait for.
local function done_before(stream, ours)
    local least
    for _, raw in ipairs(groups_of(stream)) do
        local one = pairs_of(raw)
        if ours(one['name']) then
            local id = one['last-delivered-id']
            local pending = redis.call('XPENDING', stream, one['name'])
            if pending[1] > 0 then
                id = pending[2]
            end
            if not least or milliseconds(id) < least then
                least = milliseconds(id)
            end
        end
    end
    return least
end

local function trim(stream, cutoff)
    local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
    if not first or cutoff <= milliseconds(first[1]) then
        return 0
    end
    return redis.call('XTRIM', stream, 'MINID', string.format('%.0f', cutoff))
end
-- Cut by age and, when memory is short, a tenth of what may go; never past `limit`.
local function age(stream, retention, limit)
    local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
    if not first then
        return 0
    end
    local cutoff = now - retention
    if short then
        local oldest = milliseconds(first[1])
        cutoff = math.max(cutoff, oldest + math.ceil((math.min(now, limit) - oldest) / 10) + 1)
    end
    return trim(stream, math.min(cutoff, limit))
end

local limit = done_before(KEYS[1], function(name) return name == group end)
if limit then
    age(KEYS[1], tonumber(ARGV[2]), limit)
end

local function forward(name) return string.sub(name, 1, 8) == 'forward:' end
local events_limit = done_before(KEYS[2], forward) or now
local gone = age(KEYS[2], tonumber(ARGV[3]), events_limit)
local length = redis.call('XLEN', KEYS[2])
if length > tonumber(ARGV[5]) and events_limit == now then
    gone = gone + redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', ARGV[5])
end
local dead = age(KEYS[3], tonumber(ARGV[4]), now)
    + redis.call('XTRIM', KEYS[3], 'MAXLEN', ARGV[6])
if gone > 0 then
    redis.call('HINCRBY', KEYS[4], 'events_trimmed', gone)
end
if dead > 0 then
    redis.call('HINCRBY', KEYS[4], 'dead_trimmed', dead)
end

-- A consumer name nobody has used for an hour goes, unless entries still hang on it.
for _, raw in ipairs(groups_of(KEYS[1])) do
    local name = pairs_of(raw)['name']
    for _, one in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], name)) do
        local consumer = pairs_of(one)
        if consumer['pending'] == 0 and consumer['idle'] > 3600000 then
            redis.call('XGROUP', 'DELCONSUMER', KEYS[1], name, consumer['name'])
        end
    end
end

for _, raw in ipairs(groups_of(KEYS[1])) do
    local one = pairs_of(raw)
    if one['name'] == group then
        local last = pairs_of(redis.call('XINFO', 'STREAM', KEYS[1]))['last-generated-id']
        return (one['pending'] > 0 or one['last-delivered-id'] ~= last) and 1 or 0
    end
end
return redis.call('XLEN', KEYS[1]) > 0 and 1 or 0
