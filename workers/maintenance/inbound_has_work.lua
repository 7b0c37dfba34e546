#!lua flags=allow-oom
-- include receiver.runtime groups
-- include workers idle_times
-- Removes unused consumers of the normalise workers' group, and tells whether the group has work.
-- KEYS inbound, marks. ARGV group. Returns 1 while any notification is open, or the group is not at the
-- position where it was left.
local group = groups_of(KEYS[1])[ARGV[1]]
if not group then
    return redis.call('XLEN', KEYS[1]) > 0 and 1 or 0
end
-- A consumer that nobody has used for an hour is deleted, unless it has pending entries.
for _, one in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local consumer = map(one)
    if consumer['pending'] == 0 and consumer['idle'] > 3600000 then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer['name'])
    end
end
mend_idle_times(KEYS[1], group)
local last = map(redis.call('XINFO', 'STREAM', KEYS[1]))['last-generated-id']
local at = group['last-delivered-id']
local done = string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '', '%S+$')
return (group['pending'] > 0 or at ~= last or (done and done ~= at)) and 1 or 0
