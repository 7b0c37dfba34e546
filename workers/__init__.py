"""The background half: normalise notifications, remove duplicates, publish, deliver to sinks."""
