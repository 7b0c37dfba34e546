"""`receiver web`, which looks at its Redis ten times a second.

For a test that waits for several looks, or until an answer is too old to count.
"""

import sys
from typing import Final

from receiver.cli import main
from receiver.health import monitor, redis_state

BRISK: Final = [sys.executable, "-P", "-m", "tests.support.brisk_web", "web"]

if __name__ == "__main__":
    vars(monitor)["EVERY"] = 0.1
    vars(redis_state)["_SAID_FOR"] = 0.5
    main.main(sys.argv[1:], prog_name="receiver")
