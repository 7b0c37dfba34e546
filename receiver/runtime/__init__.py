"""What every process stands on: the Redis client, logs, scripts, the bell, traces."""
