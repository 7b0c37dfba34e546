-- Sinks: those configured are known again; the groups of those that nobody knows any more go.
-- KEYS events, counts. ARGV now (ms), how long (ms) nobody must have known a sink, known sinks' names
-- Returns the names of the sinks whose group was removed.
local retired = {}
for i = 3, #ARGV do
    redis.call('HSET', KEYS[2], ARGV[i] .. ':configured', ARGV[1])
end
if redis.call('EXISTS', KEYS[1]) == 0 then
    return retired
end
for _, raw in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local sink = string.match(raw[2], '^forward:(.*)$')
    if sink then
        local field = sink .. ':configured'
        local known = tonumber(redis.call('HGET', KEYS[2], field) or '')
        if not known then
            redis.call('HSET', KEYS[2], field, ARGV[1])
        elseif ARGV[1] - known > tonumber(ARGV[2]) then
            redis.call('XGROUP', 'DESTROY', KEYS[1], raw[2])
            redis.call('HDEL', KEYS[2], field)
            retired[#retired + 1] = sink
        end
    end
end
return retired
