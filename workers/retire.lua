-- Sinks: those configured are known again; returns the names of those with a group that nobody has
-- known for long.
-- KEYS events, counts. ARGV now (ms), how long (ms) nobody must have known a sink, known sinks' names
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
            retired[#retired + 1] = sink
        end
    end
end
return retired
