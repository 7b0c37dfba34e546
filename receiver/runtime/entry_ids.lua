-- Returns the two numbers of a stream entry's id.
local function parts(id)
    local ms, seq = string.match(id, '^(%d+)-(%d+)$')
    return tonumber(ms), tonumber(seq)
end
-- Returns whether the first id is the older one.
local function less(a, b)
    local ms, seq = parts(a)
    local other, after = parts(b)
    return ms < other or (ms == other and seq < after)
end
