#!lua flags=allow-oom
-- include workers restore_group
-- Creates the group of the normalise workers unless it exists, or restores it where somebody moved it.
-- KEYS inbound, marks. ARGV group. Returns 1 if somebody had destroyed or moved it.
local known, moved = restore_group(KEYS[1], KEYS[2], ARGV[1])
if not known then
    redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0-0', 'MKSTREAM')
    restore_group(KEYS[1], KEYS[2], ARGV[1])
end
return moved and 1 or 0
