"""`python -m receiver`: the same as the console script `receiver`."""

from receiver.cli import main

main()
