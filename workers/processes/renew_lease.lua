#!lua flags=allow-oom
-- Gives or renews the lease on one consumer name, unless another owner holds it, or another program has
-- something else there.
-- KEYS lease. ARGV owner, how long (ms). Returns 1 if the owner holds it now.
local kind = redis.call('TYPE', KEYS[1])['ok']
if kind ~= 'none' and kind ~= 'string' then
    return 0
end
local owner = redis.call('GET', KEYS[1])
if owner == ARGV[1] then
    return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
-- A lease that lasts longer than that was given while this server's clock was ahead.
local left = owner and redis.call('PTTL', KEYS[1]) or 0
if left < 0 or left > tonumber(ARGV[2]) then
    redis.call('DEL', KEYS[1])
end
return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0
