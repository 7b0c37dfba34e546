"""The normalise job: from the inbound stream to events, exactly once."""
