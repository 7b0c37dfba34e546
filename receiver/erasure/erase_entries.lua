#!lua flags=allow-oom
-- include receiver.runtime checks
-- include receiver.runtime groups
-- include receiver.runtime entry_ids
-- Erases entries of a stream. What a group of ours has still to do with one is done by that, and counted;
-- consumer groups of the company's just do not find it any more.
-- KEYS stream, the hash of the counts, marks
-- ARGV how our groups' names begin, what follows the rest of a name in the name of its count, ids
-- Returns {how many were there, how many of them some group of ours had still open}; -1 for the second
-- where somebody has just moved a group of ours: nothing was done, and its next job puts it back.
local stream, counts, prefix, suffix = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local groups = {}
for name, group in pairs(groups_of(stream)) do
    if string.sub(name, 1, #prefix) == prefix then
        local count, last = string.sub(name, #prefix + 1) .. suffix, group['last-delivered-id']
        local done = string.match(redis.call('HGET', KEYS[3], name) or '', '%d+%-%d+$')
        if done and less(last, done) then
            return {0, -1}
        end
        refuse({'XACK', stream, name, '0-0'})
        refuse_words(counts, count)
        groups[#groups + 1] = {name, count, last}
    end
end
refuse({'XDEL', stream, '0-0'}, {'HINCRBY', counts, 'x', '1'})
local gone, open = 0, 0
for i = 3, #ARGV do
    local id = ARGV[i]
    if #redis.call('XRANGE', stream, id, id) == 1 then
        local waited = false
        for _, group in ipairs(groups) do
            if redis.call('XACK', stream, group[1], id) == 1 or less(group[3], id) then
                redis.call('HINCRBY', counts, group[2], 1)
                waited = true
            end
        end
        redis.call('XDEL', stream, id)
        gone, open = gone + 1, open + (waited and 1 or 0)
    end
end
return {gone, open}
