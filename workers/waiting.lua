-- Whether one sink has something to do now: to send, or, where nothing may be sent, to give up.
-- KEYS events, due, state. ARGV group, how long (ms) the sink tries.
-- All times are this server's.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local state = redis.call(
    'HMGET', KEYS[3], 'stopped', 'open_until', 'stopped_at', 'down_since')
-- As in `take.lua`: what was put off by a clock that was ahead is due now.
local far = now + 3660000
local held = state[1] or (state[2] and tonumber(state[2]) > now and tonumber(state[2]) <= far)
local since = tonumber(state[1] and state[3] or state[4] or '')
local old = now - tonumber(ARGV[2])
if held and not (since and since < old) then
    return 0
end
if not held and (redis.call('ZCOUNT', KEYS[2], '-inf', now) > 0
    or redis.call('ZCOUNT', KEYS[2], string.format('(%.0f', far), '+inf') > 0) then
    return 1
end
if redis.call('EXISTS', KEYS[1]) == 0 then
    return 0
end
for _, raw in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local group = {}
    for i = 1, #raw, 2 do
        group[raw[i]] = raw[i + 1]
    end
    if group['name'] == ARGV[1] then
        local after = '(' .. group['last-delivered-id']
        local first = redis.call('XRANGE', KEYS[1], after, '+', 'COUNT', 1)[1]
        if held then
            return (first and tonumber(first[1]:match('^%d+')) < old) and 1 or 0
        end
        return (first or group['pending'] > 0) and 1 or 0
    end
end
return held and 0 or 1 -- no group: whoever comes makes it
