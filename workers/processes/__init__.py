"""The worker processes: supervisor, RQ worker, consumer names."""
