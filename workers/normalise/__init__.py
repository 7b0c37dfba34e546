"""The normalise job: turn inbound notifications into events, each published exactly once."""
