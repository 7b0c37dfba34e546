"""The web process: HTTP in, answers out."""
