#!lua flags=allow-oom
-- Acquires or renews a controller's lease, unless another owner has it.
-- KEYS: the lease. ARGV: owner, duration (ms).
-- Returns {1 if the owner has it now, else 0; the server's time (s)}.
local owner = redis.call('GET', KEYS[1])
local left = owner and redis.call('PTTL', KEYS[1]) or 0
-- A lease with more time left than leases are given for was given while the clock of this server was
-- ahead: it does not count.
if owner and owner ~= ARGV[1] and left >= 0 and left <= tonumber(ARGV[2]) then
    return {0, redis.call('TIME')[1]}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {1, redis.call('TIME')[1]}
