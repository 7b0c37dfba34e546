"""Counters and histograms, and how Prometheus reads them."""
