#!lua flags=allow-oom
-- include receiver.runtime checks
-- Puts a dead notification back on the inbound stream. Its outcome is taken back: it is open again, and
-- nothing of it was ever published or its identity claimed.
-- KEYS dead letters, inbound, ledger. ARGV the letter's id, the notification.
-- Returns 1, or -1 if the letter was gone.
-- The letter is the only copy: what could fail after it went is asked for first.
refuse({'XDEL', KEYS[1], '0-0'}, {'XADD', KEYS[2], '*', 'n', ''}, {'HINCRBY', KEYS[3], 'dead', '1'})
refuse_full(KEYS[2])
refuse_words(KEYS[3], 'dead')
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then
    return -1
end
redis.call('XADD', KEYS[2], '*', 'n', ARGV[2])
redis.call('HINCRBY', KEYS[3], 'dead', -1)
return 1
