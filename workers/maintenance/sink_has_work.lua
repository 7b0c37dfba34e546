#!lua flags=allow-oom
-- include receiver.runtime clock
-- include receiver.runtime groups
-- include workers idle_times
-- Returns 1 if one sink has work now: events to send, or, while nothing may be sent, events to give up.
-- KEYS events, due, state, marks, parking. ARGV group, how long (ms) the sink tries, the caller's time (ms), how
-- long (ms) a lease lasts. All times are this server's; only whether to give up is decided by both clocks.
-- What was leased or delivered while this clock was ahead would be held for as long as the clock was ahead:
-- it is due now, or counts as delivered now.
-- While events of the sink are parked, new ones are no work: those come first.
local now = now_ms()
local state = redis.call(
    'HMGET', KEYS[3], 'stopped', 'open_until', 'stopped_at', 'down_since', 'probing')
-- As in `lease.lua`: a retry of a clock that was ahead is due now.
local far = now + 3660000
local latest = state[5] and now + ARGV[4] or far
local till = tonumber(state[2] or '') or 0 -- somebody else may have written it
local held = state[1] or (till > now and till <= latest)
local since = tonumber(state[1] and state[3] or state[4] or '')
local old = math.min(now, tonumber(ARGV[3])) - tonumber(ARGV[2])
if held and not (since and since < old) then
    return 0
end
local leased = redis.call('ZRANGEBYSCORE', KEYS[2], string.format('(%.0f', now + ARGV[4] + 1),
    '+inf', 'WITHSCORES', 'LIMIT', 0, 1000)
for i = 1, #leased, 2 do
    if string.sub(leased[i + 1], -2) == '.5' then -- see `lease.lua`
        redis.call('ZADD', KEYS[2], 'XX', now, leased[i])
    end
end
if not held and (redis.call('ZCOUNT', KEYS[2], '-inf', now) > 0
    or redis.call('ZCOUNT', KEYS[2], string.format('(%.0f', far), '+inf') > 0) then
    return 1
end
if redis.call('EXISTS', KEYS[1]) == 0 then
    return 0
end
local group = groups_of(KEYS[1])[ARGV[1]]
if not group then
    return held and 0 or 1 -- the next worker creates it
end
mend_idle_times(KEYS[1], group)
local first = redis.call('XRANGE', KEYS[1], '(' .. group['last-delivered-id'], '+', 'COUNT', 1)[1]
if held then
    return (first and tonumber(first[1]:match('^%d+')) < old) and 1 or 0
end
local done = string.match(redis.call('HGET', KEYS[4], ARGV[1]) or '', '%S+$')
local moved = done and done ~= group['last-delivered-id']
local parking = redis.call('HMGET', KEYS[5], 'total', 'returned')
local new = first and parking[1] == parking[2]
return (new or group['pending'] > 0 or moved) and 1 or 0
