#!lua flags=allow-oom
-- include receiver.runtime groups
-- include receiver.runtime entry_ids
-- Notes how many entries each consumer group has read, and where it stood then, and gives that back to a group
-- of which the server has forgotten it. Redis up to 7.2.4 tells neither its log nor its replicas: after a restart
-- or a failover `entries-read` is what it was when the log was written anew, and what the group has long read
-- counts as waiting (`lag`) for ever.
-- What the server itself calls unknown stays so: an entry was deleted, and what is open is counted
-- (`receiver/runtime/groups.lua`).
-- KEYS notes, then streams. Returns how many groups were given it back.
local STEP, FEW, MANY = 1000, 200, 100000
-- Returns how many entries there are after one, up to another; nil where they are more than so many.
local function between(stream, from, to, most)
    local found = 0
    while found < most and from ~= to do
        local page = redis.call('XRANGE', stream, '(' .. from, to, 'COUNT', math.min(STEP, most))
        found = found + #page
        if #page < math.min(STEP, most) then
            return found
        end
        from = page[#page][1]
    end
    return from == to and found or nil
end

-- Returns how many entries a group has read, where the server says less; nil where that is right, or cannot be
-- known. One that has read all there is has read all there ever was, also where the note itself is of a number
-- that had been forgotten before there were notes.
local function forgotten(stream, group, note)
    local at, about = group['last-delivered-id'], map(redis.call('XINFO', 'STREAM', stream))
    local id, read = string.match(note or '', '^(%d+%-%d+) (%d+)$')
    local right = at == about['last-generated-id'] and about['entries-added'] or nil
    if not right and id and not less(at, id) then -- else somebody has moved it back, or the stream is another one
        local since = between(stream, id, at, group['entries-read'] < tonumber(read) and MANY or FEW)
        right = since and read + since
    end
    return right and group['entries-read'] < right and right <= about['entries-added'] and right or nil
end

local notes, seen, restored = map(redis.call('HGETALL', KEYS[1])), {}, 0
for i = 2, #KEYS do
    for name, group in pairs(groups_of(KEYS[i])) do
        local field, at = KEYS[i] .. ' ' .. name, group['last-delivered-id']
        local read = group['entries-read']
        if read then
            local right = forgotten(KEYS[i], group, notes[field])
            if right then
                read, restored = right, restored + 1
                redis.call('XGROUP', 'SETID', KEYS[i], name, at, 'ENTRIESREAD', string.format('%.0f', read))
            end
            local note = string.format('%s %.0f', at, read)
            if notes[field] ~= note then
                redis.call('HSET', KEYS[1], field, note)
            end
            seen[field] = true
        end
    end
end
for field in pairs(notes) do
    if not seen[field] then
        redis.call('HDEL', KEYS[1], field)
    end
end
return restored
