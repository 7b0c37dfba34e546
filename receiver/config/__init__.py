"""The environment and `receiver.toml`, read once and checked."""
