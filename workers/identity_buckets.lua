-- Returns the buckets of identities (`normalise/publish.lua`): the second at which each begins -> what its
-- fields say (size, sets, ends, gone).
local function identity_buckets(identities)
    local buckets = {}
    local stored = redis.call('HGETALL', identities)
    for i = 1, #stored, 2 do
        local name, what = string.match(stored[i], '^(%d+):(%a+)$')
        if name then
            buckets[name] = buckets[name] or {}
            buckets[name][what] = tonumber(stored[i + 1])
        end
    end
    return buckets
end
