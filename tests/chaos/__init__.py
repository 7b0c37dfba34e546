"""Faults at random moments, from a seed, while the networks go on sending: `python -m tests.chaos`.

Real processes and a Valkey of its own, two web and two worker processes behind lines that can be
cut. What is demanded at the end: nothing acknowledged is lost, nothing comes out twice, the books
balance.
"""
