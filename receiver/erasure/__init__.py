"""What is stored about one person: found everywhere, exported or erased."""
