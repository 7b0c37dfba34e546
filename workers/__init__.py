"""The background half: normalise, remove duplicates, forward."""
