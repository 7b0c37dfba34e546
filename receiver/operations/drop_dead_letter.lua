#!lua flags=allow-oom
-- include receiver.runtime checks
-- Drops a dead letter. Its outcome stays: it was a dead letter, and now nobody can read it any more.
-- KEYS dead letters, ledger. ARGV the letter's id. Returns 1, or -1 if the letter was gone.
refuse({'XDEL', KEYS[1], '0-0'}, {'HINCRBY', KEYS[2], 'dead_dropped', '1'})
refuse_words(KEYS[2], 'dead_dropped')
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then
    return -1
end
redis.call('HINCRBY', KEYS[2], 'dead_dropped', 1)
return 1
