"""Group commit: what waits together goes down to the inbound stream together."""
