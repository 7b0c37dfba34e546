"""The web process: carriers' HTTP requests in, responses out."""
