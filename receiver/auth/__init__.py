"""Bearer credentials: who may send, and where that is stored."""
