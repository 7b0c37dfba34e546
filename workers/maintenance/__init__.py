"""The sweep: ring for open work, trim histories, retire sinks."""
