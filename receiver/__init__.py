"""The edge: HTTP in, durable in Redis, 2xx back."""

__version__ = "0.1.0"
