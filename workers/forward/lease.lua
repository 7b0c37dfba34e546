#!lua flags=allow-oom
-- include receiver.runtime checks
-- include receiver.runtime clock
-- include workers marks
-- include workers restore_group
-- Leases deliveries of one sink to a worker: first those that it or a dead worker left open, then retries
-- that are due, then new events.
-- KEYS events, due, items, state, bell, marks, parking, inbound
-- ARGV group, consumer, how many, number of retries at which no new events are read, time (ms) after
--      which an idle consumer counts as dead and a lease ends, id after which to go on with the
--      consumer's own pending entries or '', how long (ms) the sink tries, the caller's time (ms), number
--      of guards, per guard a key and the type it must have if it exists: else nothing is leased, so
--      that what could not be settled keeps its order; the group of the inbound stream of which is told
--      how late it is, or ''; the part of `maxmemory` that more retries than that may take where the
--      consumer takes others
-- Returns {why nothing may be sent or '', id after which to go on with own pending entries or '', the
--      stream's last id or '' where anything is leased, now (ms), {'1' for a retry, id, event or encoded
--      delivery, the same of the next one, ...},
--      1 if somebody had moved the group, for how long (ms) the oldest notification that somebody is at
--      has been there}.
-- All times are this server's, so that hosts whose clocks differ never hold one lease twice. Only
-- whether to give up is decided by both clocks, the server's and the caller's.
-- While nothing may be sent, and has not been for as long as the sink tries, it returns new events that
-- have waited that long, for the caller to give up.
-- While events of the sink are parked (`workers/parking`) it reads no new ones: those come first. But a probe
-- may be new where none of them can be one.
-- The bell is cleared only when events may be read, so that nobody rings for a held sink over and over.
-- A due retry is leased, not removed: only its outcome removes it. A lease ends at half a millisecond,
-- which tells it from the due time of a retry.
-- Whatever could fail half-way fails here, before the first write (`checks.lua`).
local group, consumer = ARGV[1], ARGV[2]
refuse(
    {'XREADGROUP', 'GROUP', group, consumer, 'COUNT', '1', 'STREAMS', KEYS[1], '>'},
    {'XPENDING', KEYS[1], group, 'IDLE', '1', '-', '+', '1'}, {'XCLAIM', KEYS[1], group, consumer, '1', '0-0'},
    {'XRANGE', KEYS[1], '-', '+'}, {'XREVRANGE', KEYS[1], '+', '-'},
    {'ZADD', KEYS[2], 'XX', '0', 'x'}, {'ZRANGEBYSCORE', KEYS[2], '-inf', '+inf'},
    {'HGET', KEYS[3], 'x'}, {'HSET', KEYS[4], 'x', ''}, {'DEL', KEYS[5]})
redis.call('ZCARD', KEYS[2])
redis.call('HLEN', KEYS[3])
local wanted = tonumber(ARGV[3])
local now = now_ms()
local lease = string.format('%.0f', now + ARGV[5])
local state = redis.call(
    'HMGET', KEYS[4], 'stopped', 'open_until', 'stopped_at', 'down_since', 'probing', 'took_at')
local probe = false
-- No retry waits for more than an hour (`workers.forward.backoff`, `workers.sinks.http`): one that is due
-- later was written while this clock was ahead, and is due now.
local far = string.format('(%.0f', now + 3660000)

-- A call returns this many bytes and a little more, however large the events are.
local BYTES, STEP = 4194304, 20
local found, leased, bytes = {}, 0, 0
local function left()
    return bytes < BYTES and wanted - leased or 0
end
local function give(retry, id, payload)
    local at = 3 * leased
    found[at + 1], found[at + 2], found[at + 3] = retry, id, payload
    leased, bytes = leased + 1, bytes + #payload
end
-- The group's position is checked when a worker begins with what was left open. Entries that are done and
-- were delivered again, because somebody had set the group back, are passed over.
local moved = 0
if ARGV[6] == '0' then
    local _, was = restore_group(KEYS[1], KEYS[6], group)
    moved = was and 1 or 0
end
local mark = redis.call('HGET', KEYS[6], group)
local top, done = marks.top(mark), nil
local function passed(id)
    if not top or marks.less(top, id) then
        return false
    end
    done = done or marks.read(mark)
    return marks.holds(done, id) and redis.call('XACK', KEYS[1], group, id)
end
local function add(entries)
    for _, entry in ipairs(entries) do
        if not passed(entry[1]) then
            give('0', entry[1], entry[2] and entry[2][2] or '')
        end
    end
end
local function read(from, most)
    while most > 0 do
        local reply = redis.call('XREADGROUP', 'GROUP', group, consumer,
            'COUNT', math.min(most, STEP), 'STREAMS', KEYS[1], from)
        local entries = reply and reply[1][2] or {}
        add(entries)
        if #entries < STEP or left() == 0 then
            return
        end
        most, from = most - STEP, from == '>' and from or entries[#entries][1]
    end
end
local function held(why, since)
    local old = math.min(now, tonumber(ARGV[8])) - tonumber(ARGV[7])
    since = tonumber(since or '')
    local own = since and since < old and groups_of(KEYS[1])[group]
    if own then
        local after, count = '(' .. own['last-delivered-id'], 0
        local waiting = redis.call('XRANGE', KEYS[1], after, '+', 'COUNT', wanted)
        while waiting[count + 1] and tonumber(waiting[count + 1][1]:match('^%d+')) < old do
            count = count + 1
        end
        read('>', count)
    end
    return {why, ARGV[6], '', now, found, moved, 0}
end
if state[1] then
    return held('stopped', state[3])
end
if state[2] then
    local most, till = state[5] and ARGV[5] or 3660000, tonumber(state[2]) or 0
    if till > now and till <= now + most then
        return held('open', state[4])
    end
    probe, wanted = true, 1
end
for i = 10, 9 + 2 * ARGV[9], 2 do
    local kind = redis.call('TYPE', ARGV[i])['ok']
    if kind ~= 'none' and kind ~= ARGV[i + 1] then
        return held('WRONGTYPE ' .. ARGV[i] .. ' is not a ' .. ARGV[i + 1])
    end
end
redis.call('DEL', KEYS[5])

local cursor = ARGV[6]
if cursor ~= '' then
    read(cursor, left())
    cursor = left() == 0 and found[#found - 1] or ''
end
-- Those of dead workers. One that somebody has deleted from the stream comes without its event and stays open
-- where it is: to claim it would take it out of the group before it has an outcome.
if ARGV[6] ~= '' and left() > 0 then
    for _, one in ipairs(redis.call('XPENDING', KEYS[1], group, 'IDLE', ARGV[5], '-', '+', left())) do
        local id, owner = one[1], one[2]
        if owner ~= consumer and left() > 0 then
            local there = #redis.call('XRANGE', KEYS[1], id, id) > 0
            add(there and redis.call('XCLAIM', KEYS[1], group, consumer, ARGV[5], id) or {{id, false}})
        end
    end
end
local RETRY = 250 -- bytes that a delivery in the retry set takes besides its event
-- A probe takes what the consumer has not seen yet, and so does half of each call where the consumer has
-- failed at some and taken others: what it failed at or refused may well be all that it cannot take, and
-- would hold back everything else for as long as its retries last.
local retries = redis.call('ZCARD', KEYS[2])
local function room()
    local memory, bytes = redis.pcall('INFO', 'memory'), 0
    local limit = type(memory) == 'string' and memory:match('maxmemory:(%d+)') or 0
    local some = redis.call('ZRANGE', KEYS[2], 0, 7)
    for _, id in ipairs(some) do
        bytes = bytes + RETRY + #(redis.call('HGET', KEYS[3], id) or '')
    end
    return retries * bytes / #some < limit * ARGV[11 + 2 * ARGV[9]]
end
local full = retries >= tonumber(ARGV[4]) and not (state[6] and room())
local parking = redis.call('HMGET', KEYS[7], 'total', 'returned', 'due')
local parked = parking[1] ~= parking[2]
-- What has come back from the disk and was not sent since (it has the scores that `give_back.lua` gave it) comes
-- before what is newer, and a probe is the oldest of it; but not one that would die of the first failure.
local last = tonumber(parking[3] or '')
local back = last and last <= now
    and redis.call('ZRANGEBYSCORE', KEYS[2], last - 1, last, 'LIMIT', 0, 1) or {}
if probe and back[1] and tonumber(back[1]:match('^%d+')) < math.min(now, tonumber(ARGV[8])) - ARGV[7] then
    back = {}
end
if left() > 0 and not full and #back == 0 and (probe or state[6] and not parked) then
    read('>', math.ceil(left() / 2))
end
if left() > 0 then
    local due = probe and back or {}
    if #due == 0 then
        due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, left())
    end
    if #due == 0 then
        due = redis.call('ZRANGEBYSCORE', KEYS[2], far, '+inf', 'LIMIT', 0, left())
    end
    for _, id in ipairs(due) do
        if left() == 0 then
            break
        end
        redis.call('ZADD', KEYS[2], 'XX', lease .. '.5', id)
        give('1', id, redis.call('HGET', KEYS[3], id) or '')
    end
end
if left() > 0 and not full and not parked and #back == 0 then
    read('>', left())
end
if probe and leased > 0 then
    redis.call('HSET', KEYS[4], 'probing', found[2], 'open_until', lease)
end
local newest = leased == 0 and redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local why = leased == 0 and (full and 'full' or parked and 'parked') or ''
local late, inbound = 0, ARGV[10 + 2 * ARGV[9]]
if inbound ~= '' then
    local reply = redis.pcall('XPENDING', KEYS[8], inbound) -- it may have no group
    late = reply[2] and math.max(0, now - tonumber(reply[2]:match('^%d+'))) or 0
end
return {why, cursor, newest and newest[1] or leased == 0 and '0-0' or '', now, found, moved, late}
