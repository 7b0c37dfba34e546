#!lua flags=allow-oom
-- Runs commands, on a full server too. ARGV per command its number of words, then these.
-- Returns their replies; one may be an error.
local replies, at = {}, 1
while at <= #ARGV do
    replies[#replies + 1] = redis.pcall(unpack(ARGV, at + 1, at + ARGV[at])) or false
    at = at + 1 + ARGV[at]
end
return replies
