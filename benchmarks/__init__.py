"""The peers and us, side by side, in one run. `make bench`; see README.md here."""
