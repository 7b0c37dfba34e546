"""Bearer credentials: how they are stored, read from a request and checked."""
