"""What the commands share: options, tables, streams, progress."""
