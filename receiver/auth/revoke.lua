#!lua flags=allow-oom
-- Revokes credentials, in a full server too.
-- KEYS credentials, when each was used, revoked digests, revision.
-- ARGV seconds the revoked digests are kept, digests.
for i = 2, #ARGV do
    redis.call('HDEL', KEYS[1], ARGV[i])
    redis.call('HDEL', KEYS[2], ARGV[i])
    redis.call('SADD', KEYS[3], ARGV[i])
end
redis.call('EXPIRE', KEYS[3], ARGV[1])
redis.call('INCR', KEYS[4])
