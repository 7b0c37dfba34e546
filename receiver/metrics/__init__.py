"""What is counted and timed, and how Prometheus gets to read it."""
