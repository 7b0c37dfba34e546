#!lua flags=allow-oom
-- include workers identity_buckets
-- Deletes identities whose time is over: a limited number of sets per call, for a bucket may have a million.
-- KEYS identities. ARGV the caller's time (ms), sets a call may delete
-- Returns how many it deleted.
-- A bucket is deleted when its time is over by both clocks. No set expires by itself: a server's clock
-- that is ahead for a moment would delete all of them, and every repeat would count as new.
local over = math.min(tonumber(redis.call('TIME')[1]), ARGV[1] / 1000)
local left, gone = tonumber(ARGV[2]), 0
for name, bucket in pairs(identity_buckets(KEYS[1])) do
    if bucket.ends and bucket.ends <= over then
        local first, sets = bucket.gone or 0, bucket.sets or 0
        local last = math.min(sets, first + left - gone)
        for i = first, last - 1 do
            redis.call('UNLINK', KEYS[1] .. ':' .. name .. ':' .. i)
        end
        gone = gone + last - first
        if last == sets then
            redis.call('HDEL', KEYS[1],
                name .. ':sets', name .. ':size', name .. ':ends', name .. ':gone')
        else
            redis.call('HSET', KEYS[1], name .. ':gone', last)
        end
    end
end
return gone
