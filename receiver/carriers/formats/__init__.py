"""Formats that several carriers share: numbers, times, JSON, forms, XML, problem details."""
