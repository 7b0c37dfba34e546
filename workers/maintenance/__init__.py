"""The sweep: rings for open work, trims histories, retires sinks."""
