-- include receiver.runtime foreign
-- include receiver.runtime groups
-- The ledger of the sinks, of one moment. KEYS events, counts, then per sink its due set, its items,
-- its state and what is parked of it.
-- ARGV per sink its name and its consumer group. Returns per sink what `SinkLedger` holds, in order.
local clock, added, groups = redis.call('TIME'), entries_added(KEYS[1]), groups_of(KEYS[1])
local books = {}
for i = 1, #ARGV, 2 do
    local at = 3 + (i - 1) / 2 * 4
    local due, items, state, parking = KEYS[at], KEYS[at + 1], KEYS[at + 2], KEYS[at + 3]
    unreadable = {}
    local function count(name)
        return whole(name, redis.call('HGET', KEYS[2], ARGV[i] .. ':' .. name))
    end
    local delivered, filtered, dead = count('delivered'), count('filtered'), count('dead')
    local shed, damaged = count('shed'), count('parked_damaged')
    local erased = count('erased')
    local on_disk = read('parked', 'HMGET', parking, 'total', 'returned', 'bytes', 'host', 'trouble', 'seen',
        'since') or {}
    local parked = whole('parked', on_disk[1]) - whole('parked', on_disk[2])
    local retrying, group = read('retrying', 'ZCARD', due) or 0, groups[ARGV[i + 1]]
    local open, exact = retrying, true
    local events = delivered + filtered + dead + shed + damaged + erased + parked + retrying
    if group then
        local waiting
        waiting, exact = open_in(KEYS[1], group)
        open = open + waiting
        events = added - count('begun') + count('replayed')
    end
    -- What supervisors of today have, also where they are gone: one that parks is enough.
    local when_full = ''
    for _, policy in ipairs({'hold', 'shed', 'park'}) do
        local said = count(policy .. 's')
        when_full = said > count('configured') - 60000 and said > 0 and policy or when_full
    end
    local stopped = read('state', 'HMGET', state, 'stopped', 'open_until', 'opened', 'refused') or {}
    -- Pauses grow, so what is due last has mostly been tried last.
    local latest = (read('retrying', 'ZREVRANGE', due, 0, 0) or {})[1]
    local item = latest and read('reason', 'HGET', items, latest)
    books[#books + 1] = {
        ARGV[i], events, delivered, filtered, dead, open, retrying, count('failed_attempts'),
        count('stream_trimmed'), count('stream_unread_trimmed'),
        stopped[1] or '', whole('open_until', stopped[2]), group and 1 or 0,
        whole('state', stopped[3]) > 0 and 1 or 0,
        math.max(0, clock[1] - math.floor(count('configured') / 1000)),
        stopped[4] or '',
        parked, whole('parked_bytes', on_disk[3]), shed, damaged, erased, on_disk[4] or '', on_disk[5] or '',
        parked > 0 and math.max(0, clock[1] - math.floor(whole('parked_unseen_seconds', on_disk[6]) / 1000)) or 0,
        parked > 0 and whole('parked_since', on_disk[7]) or 0, when_full, exact and 1 or 0, item or '', unreadable,
    }
end
return books
