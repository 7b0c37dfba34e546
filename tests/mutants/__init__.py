"""Mutation testing: change one thing in the product, and see whether a test notices.

Not part of the suite: `make mutants`, or `python -m tests.mutants --room auth --count 40`.
"""
