"""The protocols in Redis against models of them: histories of every step, crash and repeat."""
