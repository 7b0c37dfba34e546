#!lua flags=allow-oom
-- Runs commands, in a full server too. ARGV per command how many words it has, then these.
-- Returns their replies, errors among them.
local replies, at = {}, 1
while at <= #ARGV do
    replies[#replies + 1] = redis.pcall(unpack(ARGV, at + 1, at + ARGV[at])) or false
    at = at + 1 + ARGV[at]
end
return replies
