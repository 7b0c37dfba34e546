#!lua flags=allow-oom
-- include receiver.subscriptions record_change
-- Deletes credentials and the attempts that they were made for, if the owner has the lease.
-- KEYS: as of commit.lua. ARGV: owner, then a pair of digest and attempt for each credential.
-- Returns 'done'; 'lease' where another owner has the lease.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 'lease'
end
for i = 2, #ARGV, 2 do
    redis.call('HDEL', KEYS[5], ARGV[i])
    record_change(ARGV[i])
    redis.call('HDEL', KEYS[4], ARGV[i + 1])
end
return 'done'
