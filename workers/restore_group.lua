-- include receiver.runtime groups
-- include workers marks
local function group_of(stream, name)
    if redis.call('EXISTS', stream) == 0 then
        return nil, {['last-generated-id'] = '0-0', ['entries-added'] = 0}
    end
    return groups_of(stream)[name], map(redis.call('XINFO', 'STREAM', stream))
end
-- Returns the id right before this one.
local function before(id)
    local ms, seq = string.match(id, '^(%d+)-(%d+)$')
    if seq == '0' then
        return string.format('%.0f-18446744073709551615', ms - 1)
    end
    return string.format('%s-%.0f', ms, seq - 1)
end

-- Returns the ranges of a group without a mark: all that was delivered to it and is not pending.
local function first_mark(stream, group)
    local done, from = {}, '0-0'
    if group['pending'] > 0 then
        for _, one in ipairs(redis.call('XPENDING', stream, group['name'], '-', '+', 100000)) do
            done[#done + 1] = {from, before(one[1])}
            from = one[1]
        end
        -- A pending entry is part of neither of the ranges that meet there.
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

-- Returns the id that the group must be set to, or nil where its position is right: the entry that was
-- delivered last is done or pending, and every entry between two ranges is pending. When a group reads
-- from an earlier position, the scripts pass over what is done.
local function right_position(stream, group, done)
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

-- Creates a group again that somebody has destroyed, and sets one back that somebody has moved.
-- Returns whether there is a mark of the group, and whether it had been destroyed or moved.
local function restore_group(stream, key, name)
    local group, about = group_of(stream, name)
    local added = name .. ':added'
    local done = marks.read(redis.call('HGET', key, name))
    if #done > 0 and (less(about['last-generated-id'], done[#done][2])
        or about['entries-added'] < (tonumber(redis.call('HGET', key, added) or '') or 0)) then
        done = {} -- the mark is of a stream that was deleted since
        redis.call('HDEL', key, name)
    end
    redis.call('HSET', key, added, about['entries-added'])
    if #done == 0 then
        if group then
            write(key, name, first_mark(stream, group))
        end
        return group ~= nil, false
    end
    local position
    if group then
        done = joined(stream, name, done, true)
        position = right_position(stream, group, done)
        if position then
            redis.call('XGROUP', 'SETID', stream, name, position)
        else
            local at = group['last-delivered-id']
            if group['pending'] == 0 and less(done[#done][2], at) then
                done[#done][2] = at -- what was between has been deleted
            end
        end
        write(key, name, done)
    else
        position = done[1][2]
        redis.call('XGROUP', 'CREATE', stream, name, position)
    end
    if position then
        redis.call('HSET', key, name .. ':moved', redis.call('TIME')[1])
        redis.pcall('HINCRBY', key, name .. ':moves', 1) -- what is no number stays as somebody left it
    end
    return true, position ~= nil
end
