#!lua flags=allow-oom
-- Changes a credential that is still there: somebody may have revoked it since we looked. In a full server
-- too.
-- KEYS credentials. ARGV digest, record.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
