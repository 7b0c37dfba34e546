#!lua flags=allow-oom
-- Revokes one credential again that came back with an older copy of the data, unless its record has
-- changed. KEYS and ARGV as of `revoke.lua`, with one digest and, behind it, its record.
if redis.call('HGET', KEYS[1], ARGV[2]) ~= table.remove(ARGV) then
    return
end
-- include receiver.auth revoke
