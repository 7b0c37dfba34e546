-- One numbered batch, down at once: append, count, remember the number, see who rings.
-- KEYS inbound, rejected, ledger, bell, this flusher's number
-- ARGV batch number, bell's milliseconds, rejected stream's length, how many are notifications,
--      then the notifications, then the refusals
-- Returns {1 if written now or 0 if it already was, 1 if the caller is to ring, accepted so far}.
--
-- How long a number is remembered must outlast every late copy of its batch: one that a frozen server
-- still has in a socket, and one in the spool of a machine that was away. A key is small, and there
-- is one per flusher, so: thirty days.
local number, remembered = tonumber(ARGV[1]), 30 * 24 * 3600
local last = tonumber(redis.call('GET', KEYS[5]) or '0')
if last >= number then
    -- A write, so that WAIT after it waits for everything up to here, on a new connection too.
    redis.call('EXPIRE', KEYS[5], remembered)
    return {0, 0, tonumber(redis.call('HGET', KEYS[3], 'accepted') or '0')}
end
local count = tonumber(ARGV[4])
for i = 5, 4 + count do
    redis.call('XADD', KEYS[1], '*', 'n', ARGV[i])
end
for i = 5 + count, #ARGV do
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'r', ARGV[i])
end
redis.call('SET', KEYS[5], number, 'EX', remembered)
if #ARGV > 4 + count then
    redis.call('HINCRBY', KEYS[3], 'rejected', #ARGV - 4 - count)
end
if count == 0 then
    return {1, 0, tonumber(redis.call('HGET', KEYS[3], 'accepted') or '0')}
end
local accepted = redis.call('HINCRBY', KEYS[3], 'accepted', count)
local rang = redis.call('SET', KEYS[4], '1', 'NX', 'PX', ARGV[2])
return {1, rang and 1 or 0, accepted}
