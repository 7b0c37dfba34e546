-- include receiver.runtime prelude
-- What a consumer group of ours has done with, marked beside it: whoever may write to Redis may destroy
-- a group or move it, by accident or by a tool's button, and what it had acknowledged would come again.
-- A mark is a list of ranges of ids, ascending, each done as a whole; the first begins at 0-0. What is
-- between two of them, or behind the last, has still to be done. Kept in one hash, a field per group.
local marks = {}

function marks.less(a, b)
    if #a == #b and string.byte(a, 14) == 45 and string.byte(b, 14) == 45 then
        return a < b -- ids of these centuries, which compare as text: ten times as fast
    end
    local ms, seq = string.match(a, '^(%d+)-(%d+)$')
    local other, after = string.match(b, '^(%d+)-(%d+)$')
    ms, other = tonumber(ms), tonumber(other)
    return ms < other or (ms == other and tonumber(seq) < tonumber(after))
end
local less = marks.less

function marks.read(text)
    local done = {}
    for first, last in string.gmatch(text or '', '(%S+) (%S+)') do
        done[#done + 1] = {first, last}
    end
    return done
end

local function write(key, group, done)
    local words = {}
    for _, range in ipairs(done) do
        words[#words + 1] = range[1] .. ' ' .. range[2]
    end
    redis.call('HSET', key, group, table.concat(words, ' '))
end

-- Whether this entry is done.
function marks.holds(done, id)
    for _, range in ipairs(done) do
        if not less(range[2], id) then
            return not less(id, range[1])
        end
    end
    return false
end

-- The first entry that is open in the group, of those from one id to the other.
local function open(stream, group, from, to)
    local one = redis.call('XPENDING', stream, group, from, to, 1)[1]
    return one and one[1]
end
local function any(stream, from, to)
    return #redis.call('XRANGE', stream, from, to, 'COUNT', 1) > 0
end

-- Ranges that these entries, acknowledged just now, ascending, make.
local function ranges(stream, group, ids)
    local found, i = {}, 1
    while i <= #ids do
        local stop = i < #ids and open(stream, group, ids[i], ids[#ids])
        local j = i
        while ids[j + 1] and (not stop or less(ids[j + 1], stop)) do
            j = j + 1
        end
        found[#found + 1], i = {ids[i], ids[j], true}, j + 1
    end
    return found
end

-- One range where there is nothing between two. With `all` false only around what is new.
local function joined(stream, done, all)
    local kept = {done[1]}
    for i = 2, #done do
        local left, right = kept[#kept], done[i]
        local near = all or left[3] or right[3]
        if not less(left[2], right[1]) or near
            and not any(stream, '(' .. left[2], '(' .. right[1]) then
            left[2], left[3] = less(left[2], right[2]) and right[2] or left[2], left[3] or right[3]
        else
            kept[#kept + 1] = right
        end
    end
    return kept
end

-- These entries, ascending, acknowledged by the script that calls this, are done. Without a mark nothing is marked.
function marks.add(stream, key, group, text, ids)
    if not text or #ids == 0 then
        return
    end
    local done = marks.read(text)
    for _, range in ipairs(ranges(stream, group, ids)) do
        done[#done + 1] = range
    end
    table.sort(done, function(a, b) return less(a[1], b[1]) end)
    write(key, group, joined(stream, done, false))
end

local function group_of(stream, name)
    if redis.call('EXISTS', stream) == 0 then
        return nil, {['last-generated-id'] = '0-0', ['entries-added'] = 0}
    end
    return groups_of(stream)[name], map(redis.call('XINFO', 'STREAM', stream))
end
local function before(id)
    local ms, seq = string.match(id, '^(%d+)-(%d+)$')
    if seq == '0' then
        return string.format('%.0f-18446744073709551615', ms - 1)
    end
    return string.format('%s-%.0f', ms, seq - 1)
end

-- What a group that nobody has marked yet has done: all that it was delivered and is not open.
local function first_mark(stream, group)
    local done, from = {}, '0-0'
    if group['pending'] > 0 then
        for _, one in ipairs(redis.call('XPENDING', stream, group['name'], '-', '+', 100000)) do
            done[#done + 1] = {from, before(one[1])}
            from = one[1]
        end
        -- An open entry is no part of either range: they only meet there.
        for i = 2, #done do
            done[i][1] = string.gsub(done[i][1], '%d+$', function(seq)
                return string.format('%.0f', seq + 1)
            end)
        end
        from = string.gsub(from, '%d+$', function(seq) return string.format('%.0f', seq + 1) end)
    end
    local last = group['last-delivered-id']
    if not less(last, from) then
        done[#done + 1] = {from, last}
    end
    local kept = {}
    for _, range in ipairs(done) do
        if not less(range[2], range[1]) then
            kept[#kept + 1] = range
        end
    end
    return kept
end

-- Where the group must stand, or nil where it does: what it was delivered last is done or open, and
-- whatever is between two ranges is open. Read from an earlier place, what is done is passed over.
local function right_place(stream, group, done)
    local name, at = group['name'], group['last-delivered-id']
    for i = 2, #done do
        for _, entry in ipairs(redis.call(
            'XRANGE', stream, '(' .. done[i - 1][2], '(' .. done[i][1], 'COUNT', 20)) do
            if not open(stream, name, entry[1], entry[1]) then
                return done[1][2]
            end
        end
    end
    local top = done[#done][2]
    local latest = redis.call('XPENDING', stream, name)[3]
    if latest and less(top, latest) then
        top = latest
    end
    if less(at, top) then
        return top
    end
    if less(top, at) and any(stream, '(' .. top, at) then
        return top
    end
    return nil
end

-- Sees that the group stands where it was left. Returns whether there is a mark of it, and whether
-- somebody had destroyed or moved it.
function marks.keep(stream, key, name)
    local group, about = group_of(stream, name)
    local added = name .. ':added'
    local done = marks.read(redis.call('HGET', key, name))
    if #done > 0 and (less(about['last-generated-id'], done[#done][2])
        or about['entries-added'] < tonumber(redis.call('HGET', key, added) or '0')) then
        done = {} -- the mark of a stream that is no more
        redis.call('HDEL', key, name)
    end
    redis.call('HSET', key, added, about['entries-added'])
    if #done == 0 then
        if group then
            write(key, name, first_mark(stream, group))
        end
        return group ~= nil, false
    end
    local place
    if group then
        done = joined(stream, done, true)
        place = right_place(stream, group, done)
        if place then
            redis.call('XGROUP', 'SETID', stream, name, place)
        else
            local at = group['last-delivered-id']
            if group['pending'] == 0 and less(done[#done][2], at) then
                done[#done][2] = at -- what was between has been deleted
            end
        end
        write(key, name, done)
    else
        place = done[1][2]
        redis.call('XGROUP', 'CREATE', stream, name, place)
    end
    if place then
        redis.call('HSET', key, name .. ':moved', redis.call('TIME')[1])
        redis.call('HINCRBY', key, name .. ':moves', 1)
    end
    return true, place ~= nil
end
