-- Releases a lease, if the owner has it. KEYS: the lease. ARGV: owner. Returns 1, or 0 where it has not.
return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0
