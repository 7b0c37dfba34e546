"""The contract between the edge and the workers: names in Redis, and what is stored there."""
