"""Erasing what is stored about a person, and printing it."""
