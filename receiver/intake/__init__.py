"""The durable hand-over: from accepted bytes to the inbound stream, or to the spool."""
