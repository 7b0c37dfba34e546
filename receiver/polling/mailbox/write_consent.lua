#!lua flags=allow-oom
-- Stores a consent, if it is still the one that the caller has read: who was slower than somebody
-- else overwrites no refresh token that came after.
-- KEYS consents. ARGV mailbox, the record, and the record before, unless any may be replaced.
-- Returns 1 if it is stored.
if ARGV[3] and (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[3] then
    return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
