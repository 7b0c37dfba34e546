"""OAuth v4: the token endpoint, and who may call which API."""
