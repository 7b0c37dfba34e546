#!lua flags=allow-oom
-- Gives or renews a controller's lease, unless another owner holds it.
-- KEYS lease. ARGV owner, how long (ms). Returns {1 if the owner holds it now, the time (s)}.
local owner = redis.call('GET', KEYS[1])
local left = owner and redis.call('PTTL', KEYS[1]) or 0
-- One that lasts longer than a lease was given while this server's clock was ahead.
if owner and owner ~= ARGV[1] and left >= 0 and left <= tonumber(ARGV[2]) then
    return {0, redis.call('TIME')[1]}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {1, redis.call('TIME')[1]}
