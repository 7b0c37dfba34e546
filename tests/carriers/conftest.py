"""Settings of the property tests: a busy machine must not fail them. `make fuzz` tries more."""

import os

from hypothesis import settings

MANY = 2000 if os.environ.get("FUZZ") else 100
settings.register_profile("suite", deadline=None, max_examples=MANY)
settings.load_profile("suite")
