"""The workers: normalise notifications, remove duplicates, publish, deliver to sinks."""
