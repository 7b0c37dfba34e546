#!lua flags=allow-oom
-- include receiver.runtime checks
-- include workers identity_buckets
-- include workers marks
-- Publishes the outcomes of inbound entries: exactly one outcome per entry, however often this runs.
-- KEYS inbound, events, dead letters, ledger, identities, attempts, marks, the bell of each sink
-- ARGV consumer group, seconds an identity is remembered, the caller's time (s), milliseconds until a bell
--      that nobody answers is rung again, then per entry its id,
--      number of events, and per event its identity, what it settles, the first letter of its
--      identity's basis followed by '1' if it is final, and its JSON; an entry without events is followed
--      by its dead letter
-- Returns the numbers of entries published, duplicate, dead, of events, of late events, a code per
-- entry (p published, l published with a late status, d duplicate, x dead, - not open any more), and the
-- bells that were set now, counted from 0: the caller is to ring.
-- An entry is published only if XACK tells that it was still open, and the group's mark that it was not
-- delivered again after its outcome. Identities and what a final status settles are 16-byte digests, ''
-- for none. They are kept in sets split by digest and by time bucket; a bucket is deleted as a whole
-- (`forget_identities.lua`) when it and the time to remember are over. It begins by the later of two
-- clocks and ends by the earlier, so that a clock that is days off makes nothing forgotten.
-- Whatever could fail half-way fails here, before the first write (`checks.lua`).
refuse(
    {'XACK', KEYS[1], ARGV[1], '0-0'}, {'XADD', KEYS[2], '*', 'event', ''},
    {'XADD', KEYS[3], '*', 'd', ''}, {'HINCRBY', KEYS[4], 'events', '1'},
    {'HSET', KEYS[5], 'x', '1'}, {'HDEL', KEYS[5], 'x'}, {'HINCRBY', KEYS[5], 'x', '1'},
    {'SISMEMBER', KEYS[5] .. ':0:0', ''}, {'SADD', KEYS[5] .. ':0:0', ''}, {'HDEL', KEYS[6], 'x'},
    {'HSET', KEYS[7], 'x', ''}, {'XPENDING', KEYS[1], ARGV[1], '-', '+', '1'}, {'XRANGE', KEYS[1], '-', '+'})
refuse_full(KEYS[2], KEYS[3])
refuse_words(KEYS[4], 'published', 'duplicate', 'dead', 'events', 'late', 'duplicate_provider_id',
    'duplicate_composite', 'duplicate_fingerprint')
local counted = redis.call('HLEN', KEYS[6]) > 0
local group, remember = ARGV[1], tonumber(ARGV[2])
local mark = redis.call('HGET', KEYS[7], group)
local top = marks.top(mark)
local done = top and ARGV[5] and not marks.less(top, ARGV[5]) and marks.read(mark) or {}
local now = math.max(tonumber(redis.call('TIME')[1]), tonumber(ARGV[3]))
local width = math.ceil(remember / 3)
local start = math.floor(now / width) * width
local current = string.format('%.0f', start)
refuse_words(KEYS[5], current .. ':size', current .. ':sets', current .. ':ends')

-- The buckets, by the second they begin at. They are read, not computed: those of a clock that was ahead,
-- or of another time to remember, count like any other until they end.
local buckets, past, before, newest = identity_buckets(KEYS[5]), {}, 0, 0
for name, bucket in pairs(buckets) do
    if name ~= current then
        past[#past + 1] = {name, bucket.sets or 1}
        if not bucket.ends then -- of the first version, which counted buckets; their sets expire by themselves
            redis.call('HSET', KEYS[5], name .. ':ends', string.format('%.0f', start + width + remember))
        end
        if tonumber(name) > newest then
            newest, before = tonumber(name), bucket.size or 0
        end
    end
end
-- The number of sets of a bucket follows from how many digests the one before it held, so that a set
-- stays small enough for the server's compact encoding (128 members).
local own = buckets[current] or {}
local ends = math.max(start + width + remember, own.ends or 0)
if ends ~= own.ends then
    local wanted = 1024
    while wanted < 1048576 and wanted * 64 < before do
        wanted = wanted * 2
    end
    own.sets = own.sets or wanted
    redis.call('HSET', KEYS[5], current .. ':sets', own.sets, current .. ':ends', ends)
    redis.call('HDEL', KEYS[5], current .. ':gone')
end
local live = {{current, own.sets}, unpack(past)}

local function set_of(place, digest)
    local a, b, c = string.byte(digest, 1, 3)
    return KEYS[5] .. ':' .. place[1] .. ':' .. (a * 65536 + b * 256 + c) % place[2]
end
-- A key of another type where a set should be remembers nothing: better an event twice than not at all.
local function seen(digest, places)
    for _, place in ipairs(places) do
        if redis.pcall('SISMEMBER', set_of(place, digest), digest) == 1 then
            return true
        end
    end
    return false
end
local claimed = 0
-- Claims a digest. Returns whether nobody had claimed it before.
local function claim(digest)
    if seen(digest, past) then
        return false
    end
    local key = set_of(live[1], digest)
    if redis.pcall('SADD', key, digest) == 0 then
        return false
    end
    claimed = claimed + 1
    return true
end

local published, duplicate, dead, events, late = 0, 0, 0, 0, 0
-- Appends one event unless its identity is known. Returns whether it was appended.
local function publish(identity, settles, mark, json)
    if identity ~= '' and not claim(identity) then
        return false
    end
    if settles ~= '' then
        local settled
        if string.sub(mark, 2) == '1' then
            settled = not claim(settles)
        else
            settled = seen(settles, live)
        end
        if settled then
            -- Quotes inside JSON strings are escaped, so the first match is the key itself.
            json = string.gsub(json, '"late":false', '"late":true', 1)
            late = late + 1
        end
    end
    redis.call('XADD', KEYS[2], '*', 'event', json)
    events = events + 1
    return true
end

local codes, acknowledged = {}, {}
-- Entries ascend, unless somebody moved the group back between two reads of one batch.
local previous, ascending = ARGV[5], true
-- Duplicates are counted by the basis of their identity; a list by that of its first event.
local bases = {p = 'duplicate_provider_id', c = 'duplicate_composite', f = 'duplicate_fingerprint'}
local by_basis = {}
local at = 5
while at <= #ARGV do
    local id, count = ARGV[at], tonumber(ARGV[at + 1])
    local after = at + 2 + math.max(1, 4 * count)
    local code = '-'
    if ascending and marks.less(id, previous) then
        ascending, done = false, marks.read(mark)
    end
    previous = id
    local open = redis.call('XACK', KEYS[1], group, id) == 1
    if counted then
        redis.call('HDEL', KEYS[6], id) -- also where somebody else has settled it meanwhile
    end
    if open and not marks.holds(done, id) then
        acknowledged[#acknowledged + 1] = id
        local any, before = false, late
        for i = at + 2, at + 4 * count, 4 do
            any = publish(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]) or any
        end
        if count == 0 then
            redis.call('XADD', KEYS[3], '*', 'd', ARGV[at + 2])
            dead = dead + 1
            code = 'x'
        elseif any then
            published = published + 1
            code = late > before and 'l' or 'p'
        else
            duplicate = duplicate + 1
            code = 'd'
            local basis = bases[string.sub(ARGV[at + 4], 1, 1)]
            if basis then
                by_basis[basis] = (by_basis[basis] or 0) + 1
            end
        end
    end
    codes[#codes + 1] = code
    at = after
end
if not ascending then
    table.sort(acknowledged, marks.less)
end
marks.add(KEYS[1], KEYS[7], group, mark, acknowledged)
if claimed > 0 then
    redis.call('HINCRBY', KEYS[5], current .. ':size', claimed)
end
for name, count in pairs(by_basis) do
    redis.call('HINCRBY', KEYS[4], name, count)
end
for name, count in pairs({
    published = published, duplicate = duplicate, dead = dead, events = events, late = late,
}) do
    if count > 0 then
        redis.call('HINCRBY', KEYS[4], name, count)
    end
end
-- A bell that cannot be set fails nothing: the sweep rings.
local rung = {}
if events > 0 then
    for i = 8, #KEYS do
        local set = redis.pcall('SET', KEYS[i], '1', 'NX', 'PX', ARGV[4])
        if set and not set.err then
            rung[#rung + 1] = i - 8
        end
    end
end
return {published, duplicate, dead, events, late, table.concat(codes), rung}
