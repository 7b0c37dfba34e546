-- include receiver.runtime checks
-- Takes what was erased from a sink's parked events about one person: one report counts it, of however
-- many commands that asked for the same.
-- KEYS the sink's requests
-- ARGV the names of the person's fields (request, began, answered, erased, file, unread), and a request
--      which is given up if it is the newest one, or ''
-- Returns {events erased, parts unread}, or nil while the newest request is not answered, or where there
-- is none.
refuse({'HDEL', KEYS[1], 'x'}, {'HGET', KEYS[1], 'x'})
local request, _, answered, erased, _, unread = unpack(redis.call('HMGET', KEYS[1], unpack(ARGV, 1, 6)))
if not request or answered ~= request and ARGV[7] ~= request then
    return nil
end
redis.call('HDEL', KEYS[1], unpack(ARGV, 1, 6))
return {tonumber(erased or '0'), tonumber(unread or '0')}
