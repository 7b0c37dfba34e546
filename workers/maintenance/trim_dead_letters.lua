#!lua flags=allow-oom
-- include receiver.runtime checks
-- include receiver.runtime groups
-- include receiver.runtime entry_ids
-- Trims the dead letters of each owner, notifications or a sink, by a limited number of letters: its oldest
-- where it has too many, or, where memory is short, those of the owner that has most.
-- KEYS dead letters, ledger, owners
-- ARGV letters kept of each owner, letters a call may look at or cut, 1 to cut a tenth of the largest
--      owner's even if none has too many
-- Whose a letter is stands in the letter only. So each owner has an index, a stream with the ids of its
-- letters at `<owners>:<owner>`, which is made here and nowhere else: whoever writes, removes or trims
-- letters knows nothing of it. Where ids of the indexes are gone from the stream, all indexes are made anew;
-- of more letters than a call may look at, once as many are gone as a hundredth of those that are left.
-- Returns {letters cut, when the oldest of the largest owner was written (ms) or -1 for none, 1 if there
-- are letters that no index has yet: nothing is cut before}.
local letters, ledger, owners = KEYS[1], KEYS[2], KEYS[3]
local most, at_once, spare = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
refuse({'XDEL', letters, '0-0'}, {'HINCRBY', ledger, 'x', '1'}, {'HSET', owners, 'x', ''},
    {'HDEL', owners, 'x'}, {'DEL', owners .. ':x'}, {'XTRIM', owners .. ':x', 'MINID', '1'},
    {'XADD', owners .. ':x', '*', 'x', ''}, {'XRANGE', letters, '-', '+'})
refuse_words(ledger, 'dead_trimmed')

local function index(owner)
    return owners .. ':' .. owner
end
local function known()
    local found = {}
    for _, owner in ipairs(redis.call('HKEYS', owners)) do
        if owner ~= 'indexed' then
            found[#found + 1] = owner
        end
    end
    return found
end
local function forget()
    for _, owner in ipairs(known()) do
        redis.call('DEL', index(owner))
    end
    redis.call('DEL', owners)
end
-- Returns the position after the value of MessagePack at `at`, and where its content begins; nil for what
-- no field before an owner has. (The server's own reader takes no bytes.)
local FIXED = {[0xcc] = 1, [0xcd] = 2, [0xce] = 4, [0xcf] = 8}
local SIZED = {[0xd9] = 1, [0xc4] = 1, [0xda] = 2, [0xc5] = 2, [0xdb] = 4, [0xc6] = 4}
local function after_value(text, at)
    local kind = string.byte(text, at) or 0xc1
    if kind < 0x80 then
        return at + 1, at
    elseif kind >= 0xa0 and kind < 0xc0 then
        return at + 1 + kind - 0xa0, at + 1
    elseif FIXED[kind] then
        return at + 1 + FIXED[kind], at + 1
    elseif SIZED[kind] then
        local length = 0
        for i = 1, SIZED[kind] do
            length = length * 256 + (string.byte(text, at + i) or 0)
        end
        return at + 1 + SIZED[kind] + length, at + 1 + SIZED[kind]
    end
end
-- Returns whose a letter is: the fourth field of `receiver.contract.records.DeadLetter`, empty for a
-- notification. What is no letter of ours belongs to these too.
local function owner_of(entry)
    local letter = entry[2][2] or ''
    local at = 2
    for _ = 1, 3 do
        at = at and after_value(letter, at)
    end
    local last, begins
    if at then
        last, begins = after_value(letter, at)
    end
    local sink = last and string.sub(letter, begins, last - 1) or ''
    return string.match(sink, '^[a-z0-9-]+$') and #sink <= 32 and 'sink:' .. sink or 'notifications'
end
local function add(owner, id)
    local reply = redis.pcall('XADD', index(owner), id, 'x', '')
    if type(reply) == 'table' and reply.err then -- of an index that was left by a lost list of owners
        redis.call('DEL', index(owner))
        redis.call('XADD', index(owner), id, 'x', '')
    end
end

local first = redis.call('XRANGE', letters, '-', '+', 'COUNT', 1)[1]
if not first then
    forget()
    return {0, -1, 0}
end
local indexed = redis.call('HGET', owners, 'indexed') or '0-0'
local entries = 0
for _, owner in ipairs(known()) do
    redis.call('XTRIM', index(owner), 'MINID', first[1])
    entries = entries + redis.call('XLEN', index(owner))
end
local last = map(redis.call('XINFO', 'STREAM', letters))['last-generated-id']
local length = redis.call('XLEN', letters)
if less(last, indexed) or entries > length + (length > at_once and length / 100 or 0) then
    forget()
    indexed = '0-0'
end
local new = redis.call('XRANGE', letters, '(' .. indexed, '+', 'COUNT', at_once)
for _, entry in ipairs(new) do
    local owner = owner_of(entry)
    add(owner, entry[1])
    redis.call('HSET', owners, owner, '0')
end
if #new > 0 then
    redis.call('HSET', owners, 'indexed', new[#new][1])
end

local largest, size = nil, 0
local function measure()
    largest, size = nil, 0
    for _, owner in ipairs(known()) do
        local count = redis.call('XLEN', index(owner))
        redis.call('HSET', owners, owner, count)
        if count == 0 then
            redis.call('HDEL', owners, owner)
            redis.call('DEL', index(owner))
        elseif count > size then
            largest, size = owner, count
        end
    end
end
local gone = 0
local function cut(owner, count)
    local ids = {}
    for _, entry in ipairs(redis.call('XRANGE', index(owner), '-', '+', 'COUNT', count)) do
        ids[#ids + 1] = entry[1]
    end
    for i = 1, #ids, 500 do
        local some = math.min(i + 499, #ids)
        gone = gone + redis.call('XDEL', letters, unpack(ids, i, some))
        redis.call('XDEL', index(owner), unpack(ids, i, some))
    end
end
measure()
if #new == at_once then
    return {0, -1, 1}
end
if size > most then
    cut(largest, math.min(size - most, at_once))
elseif spare and largest then
    cut(largest, math.min(math.ceil(size / 10), at_once))
end
if gone > 0 then
    redis.call('HINCRBY', ledger, 'dead_trimmed', gone)
    measure()
end
local oldest = largest and redis.call('XRANGE', index(largest), '-', '+', 'COUNT', 1)[1]
return {gone, oldest and tonumber(string.match(oldest[1], '^%d+')) or -1, 0}
