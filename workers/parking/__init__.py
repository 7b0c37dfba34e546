"""Parking: the oldest waiting events of a sink that takes too much of Redis's memory go to disk."""
