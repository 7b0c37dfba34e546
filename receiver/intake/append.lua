-- Numbered batches of one flusher, down at once: count, remember the last number, append, see who
-- rings. Without any batch it is a probe: it fails where a batch would, and writes nothing.
-- KEYS inbound, rejected, ledger, bell, this flusher's number
-- ARGV bell's milliseconds, rejected stream's length, then per batch, in the order of their numbers:
--      number, how many notifications, how many refusals, the notifications, the refusals
-- Returns {1 if anything was written now, 1 if the caller is to ring, accepted so far}.
--
-- How long a number is remembered must outlast every late copy of its batch: one that a frozen server
-- still has in a socket, and one in the spool of a machine that was away. A key is small, and there
-- is one per flusher, so: thirty days.
--
-- The server undoes nothing of a script that fails half-way: entries without their number would be
-- appended again for ever, a number without its entries would hide them. So a write that is refused
-- (a key that somebody made something else of, a count that is no number, a command that the user
-- may not run) takes back those before it.
local remembered = 30 * 24 * 3600
local before = tonumber(redis.call('GET', KEYS[5]) or '0')

if #ARGV == 2 then
    for _, command in ipairs({
        {'XADD', KEYS[1], '*', 'n', ''}, {'HINCRBY', KEYS[3], 'accepted', '1'},
        {'SET', KEYS[4], '1', 'NX', 'PX', ARGV[1]},
    }) do
        if not redis.acl_check_cmd(unpack(command)) then
            return redis.error_reply('NOPERM ' .. command[1] .. ' on ' .. command[2])
        end
    end
    -- Reads that only the probe makes: one that the user may not make says nothing about a batch.
    local function foreign(reply)
        return type(reply) == 'table' and reply.err and string.match(reply.err, 'WRONGTYPE.*')
    end
    local length, count = redis.pcall('XLEN', KEYS[1]), redis.pcall('HGET', KEYS[3], 'accepted')
    if foreign(length) or foreign(count) then
        return redis.error_reply(foreign(length) or foreign(count))
    end
    if type(count) == 'string' and (#count > 18 or not string.match(count, '^%-?%d+$')) then
        return redis.error_reply('ERR accepted in ' .. KEYS[3] .. ' is not a number')
    end
    -- A write, and so refused where writes are; of a key that is there already, which costs no fsync.
    redis.call('SET', KEYS[5], '0', 'NX', 'EX', remembered)
    return {0, 0, type(count) == 'string' and tonumber(count) or 0}
end

local last, accepted, refused, fresh = before, 0, 0, #ARGV + 1
local at = 3
while at <= #ARGV do
    if tonumber(ARGV[at]) > before then
        fresh = math.min(fresh, at)
        last, accepted, refused = tonumber(ARGV[at]), accepted + ARGV[at + 1], refused + ARGV[at + 2]
    end
    at = at + 3 + ARGV[at + 1] + ARGV[at + 2]
end

local total, rang, undo, notifications, refusals = 0, false, {}, 0, 0
local function change(back, ...)
    local reply = redis.call(...)
    undo[#undo + 1] = back
    return reply
end
local function append()
    if accepted > 0 then
        total = change({'HINCRBY', KEYS[3], 'accepted', -accepted},
            'HINCRBY', KEYS[3], 'accepted', accepted)
        rang = redis.call('SET', KEYS[4], '1', 'NX', 'PX', ARGV[1])
        if rang then
            undo[#undo + 1] = {'SET', KEYS[4], '1', 'PX', 1}
        end
    end
    if refused > 0 then
        change({'HINCRBY', KEYS[3], 'rejected', -refused}, 'HINCRBY', KEYS[3], 'rejected', refused)
    end
    -- Also where all is there already, so that WAIT after it waits for everything up to here, on a
    -- new connection too.
    change({'SET', KEYS[5], before, 'EX', remembered}, 'SET', KEYS[5], last, 'EX', remembered)
    while fresh <= #ARGV do
        local first = fresh + 3
        local middle = first + ARGV[fresh + 1]
        fresh = middle + ARGV[fresh + 2]
        for i = middle, fresh - 1 do
            redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'r', ARGV[i])
            refusals = refusals + 1
        end
        for i = first, middle - 1 do
            redis.call('XADD', KEYS[1], '*', 'n', ARGV[i])
            notifications = notifications + 1
        end
    end
end
local function take_back(stream, count)
    if count > 0 then
        for _, entry in ipairs(redis.call('XREVRANGE', stream, '+', '-', 'COUNT', count)) do
            redis.call('XDEL', stream, entry[1])
        end
    end
end

local done, failure = pcall(append)
if not done then
    for i = #undo, 1, -1 do
        redis.pcall(unpack(undo[i]))
    end
    pcall(take_back, KEYS[1], notifications)
    pcall(take_back, KEYS[2], refusals)
    return redis.error_reply(failure.err or failure)
end
if accepted == 0 then
    total = tonumber(redis.call('HGET', KEYS[3], 'accepted') or '0')
end
return {last > before and 1 or 0, rang and 1 or 0, total}
