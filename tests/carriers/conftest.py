"""Settings of the property tests: a busy machine must not fail them."""

from hypothesis import settings

settings.register_profile("suite", deadline=None, max_examples=300)
settings.load_profile("suite")
