-- Numbered batches of one flusher, down at once: append, count, remember the last number, see who
-- rings.
-- KEYS inbound, rejected, ledger, bell, this flusher's number
-- ARGV bell's milliseconds, rejected stream's length, then per batch, in the order of their numbers:
--      number, how many notifications, how many refusals, the notifications, the refusals
-- Returns {1 if anything was written now, 1 if the caller is to ring, accepted so far}.
--
-- How long a number is remembered must outlast every late copy of its batch: one that a frozen server
-- still has in a socket, and one in the spool of a machine that was away. A key is small, and there
-- is one per flusher, so: thirty days.
--
-- A script that fails half-way is not undone, and what it had appended would be appended again: a key
-- that is not what it was made as fails at once.
redis.call('XLEN', KEYS[2])
redis.call('HLEN', KEYS[3])
local remembered = 30 * 24 * 3600
local last = tonumber(redis.call('GET', KEYS[5]) or '0')
local accepted, refused, written = 0, 0, 0
local at = 3
while at <= #ARGV do
    local number, first = tonumber(ARGV[at]), at + 3
    local middle = first + tonumber(ARGV[at + 1])
    local after = middle + tonumber(ARGV[at + 2])
    if number > last then
        for i = first, middle - 1 do
            redis.call('XADD', KEYS[1], '*', 'n', ARGV[i])
        end
        for i = middle, after - 1 do
            redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'r', ARGV[i])
        end
        accepted, refused = accepted + middle - first, refused + after - middle
        last, written = number, 1
    end
    at = after
end
if written == 1 then
    redis.call('SET', KEYS[5], last, 'EX', remembered)
else
    -- A write, so that WAIT after it waits for everything up to here, on a new connection too.
    redis.call('EXPIRE', KEYS[5], remembered)
end
if refused > 0 then
    redis.call('HINCRBY', KEYS[3], 'rejected', refused)
end
if accepted == 0 then
    return {written, 0, tonumber(redis.call('HGET', KEYS[3], 'accepted') or '0')}
end
local total = redis.call('HINCRBY', KEYS[3], 'accepted', accepted)
local rang = redis.call('SET', KEYS[4], '1', 'NX', 'PX', ARGV[1])
return {written, rang and 1 or 0, total}
