-- Marks the data with a controller, where no other one has marked it since.
-- KEYS operator's state. ARGV the mark that is there, the new one. Returns 1, or 0 where another one is there.
if redis.call('HGET', KEYS[1], 'controller') ~= ARGV[1] then
    return 0
end
redis.call('HSET', KEYS[1], 'controller', ARGV[2])
return 1
