-- Clears losses that are as somebody has seen them, and none that has grown since.
-- KEYS losses. ARGV per loss its life and how many notifications that had lost.
for i = 1, #ARGV, 2 do
    if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
        redis.call('HDEL', KEYS[1], ARGV[i])
    end
end
