#!lua flags=allow-oom
-- include receiver.runtime checks
-- include receiver.runtime clock
-- include workers marks
-- Settles deliveries: the only place where one ends or is put off, exactly once, whoever runs this.
-- KEYS events, due, items, dead letters, counts, state, marks, refused
-- ARGV group, sink, failed requests in a row that open the circuit, its first and its longest pause
--      (ms), number of guards, per guard a key and the type it must have if it exists, then per
--      delivery: '1' for a retry, its id, what its request tells the circuit breaker ('+' the consumer
--      answers, '-' it does not, '-' and a time (ms) it does not take what was first tried then, ''
--      nothing), its outcome, and for
--        filtered, delivered   nothing more
--        left                  nothing more; it was not sent, and stays open in the group
--        run                   number of commands, then for each its number of words and these
--        retry, again          due in (ms), encoded delivery; `again` counts no failed attempt
--        refused               due in (ms), encoded delivery, why, encoded dead letter: which of the two, see
--                              `refusal`
--        dead, unsent          encoded dead letter; `unsent` counts no failed attempt
--        pause                 how long (ms) nothing is sent; no delivery, id is ''
--        stop                  why; nothing is sent until somebody starts the sink; no delivery
-- All times are this server's: hosts whose clocks differ agree on what is due and when the circuit is
-- open. An outcome applies only if its delivery was still open. One that applies to the probe and tells the
-- circuit breaker nothing ends it: the next lease sends another one. Returns {1 if the circuit opened, 1 if it
-- closed, as it stands in the end, ids of those refused that became dead letters}.
local group, sink = ARGV[1], ARGV[2]
local now = now_ms()
local mark, acknowledged = redis.call('HGET', KEYS[7], group), {}
local function later(milliseconds)
    return string.format('%.0f', now + milliseconds)
end
-- Whatever could fail half-way, and lose what was acknowledged before, fails here, before the first write
-- (`checks.lua`).
refuse(
    {'XACK', KEYS[1], group, '0-0'}, {'XCLAIM', KEYS[1], group, 'x', '0', '0-0'},
    {'ZREM', KEYS[2], 'x'}, {'ZADD', KEYS[2], '0', 'x'}, {'ZSCORE', KEYS[2], 'x'},
    {'HSET', KEYS[3], 'x', ''}, {'HDEL', KEYS[3], 'x'}, {'XADD', KEYS[4], '*', 'd', ''},
    {'HINCRBY', KEYS[5], 'x', '1'}, {'HSET', KEYS[6], 'x', ''}, {'HDEL', KEYS[6], 'x'},
    {'HSET', KEYS[7], 'x', ''}, {'HGET', KEYS[8], 'x'}, {'HSET', KEYS[8], 'x', ''},
    {'HDEL', KEYS[8], 'x'}, {'XPENDING', KEYS[1], group, '-', '+', '1'}, {'XRANGE', KEYS[1], '-', '+'})
refuse_full(KEYS[4])
redis.call('ZCARD', KEYS[2])
redis.call('HLEN', KEYS[3])
refuse_words(KEYS[5], sink .. ':delivered', sink .. ':filtered', sink .. ':dead',
    sink .. ':replayed', sink .. ':failed_attempts')
local at = 7 + 2 * ARGV[6]
for i = 7, at - 1, 2 do
    local kind = redis.call('TYPE', ARGV[i])['ok']
    if kind ~= 'none' and kind ~= ARGV[i + 1] then
        return redis.error_reply('WRONGTYPE ' .. ARGV[i] .. ' is not a ' .. ARGV[i + 1])
    end
end

local stored = redis.call(
    'HMGET', KEYS[6], 'failures', 'opened', 'open_until', 'probing', 'down_since', 'refused',
    'refused_at', 'took_at', 'paused_until')
local function number(text)
    return tonumber(text or 0) or 0
end
local failures, opened = number(stored[1]), number(stored[2])
local open_until, probing, down = number(stored[3]), stored[4] or '', stored[5] or ''
local did_open, did_close, seen = 0, 0, false
local refused, refused_at, took_at = stored[6] or '', number(stored[7]), number(stored[8])
-- Until when the consumer has asked for a pause; nobody asks for more than an hour (`workers.sinks.http`).
local paused_until = number(stored[9])
if paused_until > now + 3660000 then
    paused_until = 0 -- written while this clock was ahead
end
local died = {}
-- Ends the probe where an outcome applied to it. Of it alone: an older lease says nothing of the probe.
local function probed(id, applied)
    if applied and id == probing then
        open_until, probing, seen = now, '', true
    end
    return applied
end

local function acknowledge(id)
    local open = redis.call('XACK', KEYS[1], group, id) == 1
    if open then
        acknowledged[#acknowledged + 1] = id
    end
    return probed(id, open)
end

local counts = {}
local function count(name, by)
    counts[name] = (counts[name] or 0) + (by or 1)
end
local function ends(retry, id)
    if retry == '1' then
        redis.call('HDEL', KEYS[3], id)
        redis.call('HDEL', KEYS[8], id)
        return probed(id, redis.call('ZREM', KEYS[2], id) == 1)
    end
    return acknowledge(id)
end
local function put_off(retry, id, due, item)
    local known = redis.call('ZSCORE', KEYS[2], id)
    if retry == '1' and not known or retry == '0' and not acknowledge(id) then
        return false
    end
    if retry == '0' and known then
        count('replayed', -1) -- replayed while it was still open: the two become one
    end
    redis.call('HSET', KEYS[3], id, item)
    redis.call('ZADD', KEYS[2], due, id)
    return probed(id, true)
end

local function close()
    refused, refused_at, failures, seen = '', 0, 0, true
    if paused_until > now and probing == '' then
        down = now -- what is taken meanwhile was sent before the consumer asked for a pause
        return
    end
    did_open, did_close = 0, number(stored[2]) > 0 and 1 or 0
    opened, open_until, probing, down = 0, 0, '', ''
end
local function succeeded()
    if failures > 0 or opened > 0 or refused_at > 0 then
        took_at = math.max(now, refused_at + 1)
    end
    close()
end
-- What failed before the consumer took something, and fails again, may well be all that it cannot take: it
-- counts little, or it would hold back what the consumer takes.
local AGAIN = 1 / 16
local function failed(first)
    if open_until > now and probing == '' then
        return -- its request was in progress when the circuit opened
    end
    local again = first and first < took_at
    failures, seen = failures + (again and AGAIN or 1), true
    down = down == '' and now or down
    if probing ~= '' or failures >= tonumber(ARGV[3]) then
        opened = opened + 1
        local pause = math.min(ARGV[4] * 2 ^ (opened - 1), ARGV[5])
        failures, open_until, probing, did_open, did_close = 0, now + pause, '', 1, 0
    end
end

local function run(first)
    local i = first + 1
    for _ = 1, ARGV[first] do
        local length = tonumber(ARGV[i])
        redis.call(unpack(ARGV, i + 1, i + length))
        i = i + 1 + length
    end
end
local function after_commands(first)
    local i = first + 1
    for _ = 1, ARGV[first] do
        i = i + 1 + ARGV[i]
    end
    return i
end

-- A consumer that refuses everything is down. So an event dies of a refusal only if it was refused before,
-- an other one was taken after that, and the circuit, which refusals open as failures do, is closed.
local function refusal(retry, id, due, item, why, letter)
    local before = tonumber(redis.call('HGET', KEYS[8], id) or '')
    refused, seen = why, true
    refused_at = math.max(now, refused_at, took_at)
    if before and took_at > before and opened == 0 then
        if ends(retry, id) then
            redis.call('XADD', KEYS[4], '*', 'd', letter)
            count('dead')
            count('failed_attempts')
            died[#died + 1] = id
        end
    elseif put_off(retry, id, later(due), item) then
        redis.call('HSET', KEYS[8], id, string.format('%.0f', refused_at))
        count('failed_attempts')
    end
end

local failure
while at <= #ARGV do
    local retry, id, circuit, what = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    at = at + 4
    if circuit == '+' then
        succeeded()
    elseif circuit ~= '' then
        failed(tonumber(string.sub(circuit, 2)))
    end
    if circuit ~= '' and circuit ~= '+' and what ~= 'refused' then
        refused = ''
    end
    if what == 'filtered' or what == 'delivered' then
        if ends(retry, id) then
            count(what)
        end
    elseif what == 'left' then
        -- It may have no group: somebody has destroyed it.
        probed(id, id == probing and #redis.pcall('XPENDING', KEYS[1], group, id, id, 1) > 0)
    elseif what == 'run' then
        local after = after_commands(at)
        if retry == '1' and redis.call('ZSCORE', KEYS[2], id)
            or retry ~= '1' and redis.call('XACK', KEYS[1], group, id) == 1 then
            local ran, why = pcall(run, at)
            if ran then
                count('delivered')
                if retry == '1' then
                    ends(retry, id)
                else
                    acknowledged[#acknowledged + 1] = id
                    probed(id, true)
                end
                if failures > 0 or opened > 0 then
                    close() -- the sink was a web hook that did not answer
                end
            else
                failure = why -- the delivery stays open, idle enough for the next worker to claim it
                if retry ~= '1' then
                    redis.call('XCLAIM', KEYS[1], group, 'refused', 0, id, 'IDLE', 3600000,
                        'FORCE', 'JUSTID')
                end
            end
        end
        at = after
    elseif what == 'retry' or what == 'again' then
        if put_off(retry, id, later(ARGV[at]), ARGV[at + 1]) and what == 'retry' then
            count('failed_attempts')
        end
        at = at + 2
    elseif what == 'refused' then
        refusal(retry, id, ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
        at = at + 4
    elseif what == 'dead' or what == 'unsent' then
        if ends(retry, id) then
            redis.call('XADD', KEYS[4], '*', 'd', ARGV[at])
            count('dead')
            if what == 'dead' then
                count('failed_attempts')
            end
        end
        at = at + 1
    elseif what == 'pause' then
        paused_until = math.max(paused_until, now + ARGV[at])
        open_until, seen = math.max(open_until, paused_until), true
        opened = math.max(opened, 1)
        probing = ''
        at = at + 1
    elseif what == 'stop' then
        redis.call('HSET', KEYS[6], 'stopped', ARGV[at], 'stopped_at', later(0))
        at = at + 1
    else
        return redis.error_reply('ERR no such outcome') -- `workers.forward.outcomes` makes all of them
    end
end

if seen then
    redis.call('HDEL', KEYS[6], 'failures', 'opened', 'open_until', 'probing', 'down_since',
        'refused', 'refused_at', 'paused_until')
    if paused_until > now then
        redis.call('HSET', KEYS[6], 'paused_until', string.format('%.0f', paused_until))
    end
    if refused_at > 0 then
        redis.call('HSET', KEYS[6], 'refused_at', string.format('%.0f', refused_at))
    end
    if refused ~= '' then
        redis.call('HSET', KEYS[6], 'refused', refused)
    end
    if took_at > number(stored[8]) then
        redis.call('HSET', KEYS[6], 'took_at', string.format('%.0f', took_at))
    end
    if failures > 0 or opened > 0 then
        redis.call('HSET', KEYS[6], 'failures', failures, 'down_since', down)
    end
    if opened > 0 then
        redis.call('HSET', KEYS[6], 'opened', opened,
            'open_until', string.format('%.0f', open_until))
    end
    if probing ~= '' then
        redis.call('HSET', KEYS[6], 'probing', probing)
    end
end
table.sort(acknowledged, marks.less)
marks.add(KEYS[1], KEYS[7], group, mark, acknowledged)
for name, by in pairs(counts) do
    redis.call('HINCRBY', KEYS[5], sink .. ':' .. name, by)
end
if failure then
    return redis.error_reply(failure.err or failure)
end
return {did_open, did_close, died}
