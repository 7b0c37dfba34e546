-- Adds entries that are all made of one document, in which a seven-digit mark is counted up.
-- KEYS stream. ARGV field, document, mark, first number, how many, time of the first (ms), ms between two,
-- where the time of receipt is written in the document (11 hex digits), '' for nowhere.
local field, document, mark = ARGV[1], ARGV[2], ARGV[3]
local first, many, at, step = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
for i = 0, many - 1 do
    local moment = math.floor(at + i * step)
    local own = string.gsub(document, mark, string.format('%07d', first + i))
    if ARGV[8] ~= '' then
        own = string.gsub(own, ARGV[8], string.format('%011x', moment))
    end
    redis.call('XADD', KEYS[1], string.format('%.0f-%d', moment, i), field, own)
end
return many
