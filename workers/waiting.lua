-- Whether one sink has something to do now. KEYS events, due, state. ARGV group, now (ms).
local state = redis.call('HMGET', KEYS[3], 'stopped', 'open_until')
if state[1] or (state[2] and tonumber(state[2]) > tonumber(ARGV[2])) then
    return 0
end
if redis.call('ZCOUNT', KEYS[2], '-inf', ARGV[2]) > 0 then
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
        local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
        return (group['pending'] > 0 or (last and last[1] ~= group['last-delivered-id'])) and 1 or 0
    end
end
return 1 -- no group: whoever comes makes it
