"""`receiver listen`: the events, delivered to a web hook on this machine."""
