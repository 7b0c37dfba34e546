-- Returns the server's time: milliseconds since 1970.
local function now_ms()
    local clock = redis.call('TIME')
    return clock[1] * 1000 + math.floor(clock[2] / 1000)
end
