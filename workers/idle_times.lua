-- An entry that was delivered while this clock was ahead would count as a living worker's for as long as the
-- clock was ahead: it counts as delivered now.
local function mend_idle_times(stream, group)
    if group['pending'] == 0 then
        return
    end
    for _, one in ipairs(redis.call('XPENDING', stream, group['name'], '-', '+', 1000)) do
        -- An idle time of 0 may be a negative one; setting a true 0 again changes nothing.
        if one[3] == 0 and #redis.call('XRANGE', stream, one[1], one[1]) > 0 then
            redis.call('XCLAIM', stream, group['name'], one[2], 0, one[1], 'IDLE', 0, 'JUSTID')
        end
    end
end
