-- Adds attempts to a stream, in one command: what they cost is paid by the worker that sends.
-- KEYS stream. ARGV how many it keeps, encoded attempts.
for i = 2, #ARGV do
    redis.call('XADD', KEYS[1], '*', 'a', ARGV[i])
end
return redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[1])
