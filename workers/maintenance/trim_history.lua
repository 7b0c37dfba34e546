#!lua flags=allow-oom
-- include receiver.runtime checks
-- include receiver.runtime clock
-- include receiver.runtime groups
-- include receiver.runtime entry_ids
-- Trims one stream by a limited number of entries, the oldest first.
-- KEYS stream, ledger, marks
-- ARGV the history's name in the ledger, milliseconds kept, entries kept, entries a call may cut,
--      1 to cut a tenth even if nothing is over age or number, the caller's time (ms), then the
--      groups that hold it, by name or, with a `*` at the end, by how they begin
-- No entry is cut that a holding group has still to acknowledge, and none at all while a group that is
-- named does not exist yet, nor any that is not done by the group's mark (`marks.lua`): somebody may have
-- moved or destroyed a group just now, and it does not know any more what it has to do. Nobody waits for
-- any other group: entries that are cut before such a reader has acknowledged them are counted, once per
-- reader.
-- An entry is over age when it is by both clocks: one alone may be days ahead for a moment.
-- It runs on a full server too (the first line), or memory would never be freed again.
-- Returns {entries cut, when the oldest entry that may still be cut was written (ms), or -1 for none}.
local stream, ledger, name = KEYS[1], KEYS[2], ARGV[1]
refuse({'XTRIM', stream, 'MAXLEN', '1'}, {'HINCRBY', ledger, 'x', '1'})
refuse_words(ledger, name .. '_trimmed', name .. '_unread_trimmed')
local kept, most, at_once = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local spare = ARGV[5] == '1'
-- Reads that look for an id are bounded by this; a stream's node has a hundred entries at most.
local NODE = 100

local function least(a, b)
    return less(a, b) and a or b
end
-- Returns the id right after this one; a double holds no greater sequence number exactly.
local function after_id(id)
    local ms, seq = parts(id)
    if seq >= 2 ^ 53 then
        return string.format('%.0f-0', ms + 1)
    end
    return string.format('%.0f-%.0f', ms, seq + 1)
end
local function oldest()
    local entry = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
    return entry and entry[1]
end

local first = oldest()
if not first then
    return {0, -1}
end
local named, missing, prefixes = {}, {}, {}
for i = 7, #ARGV do
    if string.sub(ARGV[i], -1) == '*' then
        prefixes[#prefixes + 1] = string.sub(ARGV[i], 1, -2)
    else
        named[ARGV[i]], missing[ARGV[i]] = true, true
    end
end
local function holds(group)
    for _, prefix in ipairs(prefixes) do
        if string.sub(group, 1, #prefix) == prefix then
            return true
        end
    end
    return named[group]
end
local END = '9007199254740991-0'
-- `limit`: the first id that is held. `stage`: the first id that is unread by some reader, so that the
-- entries of one cut are all read or all unread, for each reader.
local limit, stage, readers = END, END, {}
for _, raw in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local group = map(raw)
    local unread = after_id(group['last-delivered-id'])
    if holds(group['name']) then
        missing[group['name']] = nil
        local pending = redis.call('XPENDING', stream, group['name'])
        limit = least(limit, pending[1] > 0 and pending[2] or unread)
    else
        readers[#readers + 1] = {group['name'], not less(first, unread)}
        if less(first, unread) then
            stage = least(stage, unread)
        end
    end
end
for group, mark in pairs(#ARGV >= 7 and map(redis.call('HGETALL', KEYS[3])) or {}) do
    local done = holds(group) and string.match(mark, '^%d+%-%d+ (%d+%-%d+)') -- or somebody else wrote it
    if done then
        limit = least(limit, after_id(done))
    end
end
if next(missing) or not less(first, limit) then
    return {0, -1}
end
stage = least(stage, limit)

-- Cutting whole nodes costs next to nothing; when no whole node can go, single entries are cut.
local function cut(before, count)
    if count < 1 or not less(first, before) then
        return 0
    end
    local gone = redis.call('XTRIM', stream, 'MINID', '~', before, 'LIMIT', count)
    if gone > 0 then
        return gone
    end
    local few = redis.call('XRANGE', stream, '-', '(' .. before, 'COUNT', math.min(count, NODE))
    if #few == 0 then
        return 0
    end
    return redis.call('XTRIM', stream, 'MINID', after_id(few[#few][1]))
end

local now = math.min(now_ms(), tonumber(ARGV[6]))
local length = redis.call('XLEN', stream)
local gone = cut(least(stage, string.format('%.0f-0', math.max(0, now - kept))), at_once)
if gone == 0 then
    gone = cut(stage, math.min(length - most, at_once))
end
if gone == 0 and spare then
    gone = cut(stage, math.min(math.ceil(length / 10), at_once))
end
local left = oldest()
if gone > 0 then
    local missed = 0
    for _, reader in ipairs(readers) do
        if reader[2] then
            missed = missed + gone
        else
            missed = missed + #redis.call(
                'XPENDING', stream, reader[1], first, left and '(' .. left or '+', gone)
        end
    end
    redis.call('HINCRBY', ledger, name .. '_trimmed', gone)
    if missed > 0 then
        redis.call('HINCRBY', ledger, name .. '_unread_trimmed', missed)
    end
end
if not left or not less(left, limit) then
    return {gone, -1}
end
return {gone, (parts(left))}
