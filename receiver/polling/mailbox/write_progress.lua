-- Stores how far a mailbox was read, unless its consent was deleted: nothing of it is to stay then.
-- KEYS consents, progress, known messages. ARGV mailbox, its progress, the number of words that
-- follow of known messages, each message and its flags, then the messages that are gone.
-- Returns 1 if it is stored.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
    return 0
end
redis.call('SET', KEYS[2], ARGV[2])
local known = 3 + tonumber(ARGV[3])
for i = 4, known, 2 do
    redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1])
end
for i = known + 1, #ARGV do
    redis.call('HDEL', KEYS[3], ARGV[i])
end
return 1
