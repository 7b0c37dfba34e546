-- Reads a part of a stream, and returns those of its entries that have some words in one of their values:
-- what is looked for in thousands need not travel.
-- KEYS stream. ARGV words, the bound to begin at, '1' to go back, how many entries are looked at.
-- Returns how many there were, the last of them or '', and the entries that have the words.
local page
if ARGV[3] == '1' then
    page = redis.call('XREVRANGE', KEYS[1], ARGV[2], '-', 'COUNT', ARGV[4])
else
    page = redis.call('XRANGE', KEYS[1], ARGV[2], '+', 'COUNT', ARGV[4])
end
local found = {}
for _, entry in ipairs(page) do
    for i = 2, #entry[2], 2 do
        if string.find(entry[2][i], ARGV[1], 1, true) then
            found[#found + 1] = entry
            break
        end
    end
end
return {#page, page[1] and page[#page][1] or '', found}
