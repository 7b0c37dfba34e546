"""What every process uses: the Redis client, logs, scripts, the bell, traces."""
