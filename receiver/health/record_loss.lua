-- Records a loss of notifications, once per life of the ledger: the highest number that any web process
-- knew of. KEYS losses. ARGV the life, how many notifications it lost, seconds the record is kept.
-- Returns how many each life lost.
if (tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0') or 0) < tonumber(ARGV[2]) then
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
    redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return redis.call('HVALS', KEYS[1])
