-- Reading what another program may have written: `unreadable` names what was not as it is written here.
local unreadable = {}
-- Returns a stored whole number; 0 for none, and for anything else that stands there.
local function whole(name, value)
    if not value then
        return 0
    end
    if #value > 18 or not string.match(value, '^-?%d+$') then
        unreadable[#unreadable + 1] = name
        return 0
    end
    return tonumber(value)
end
-- Runs a command that reads a key; nil where the key has another type.
local function read(name, ...)
    local reply = redis.pcall(...)
    if type(reply) ~= 'table' or not reply.err then
        return reply
    elseif not string.find(reply.err, '^WRONGTYPE') then
        return redis.call(...) -- which fails again, and says so
    end
    unreadable[#unreadable + 1] = name
    return nil
end
