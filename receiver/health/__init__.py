"""What this process knows of its Redis, and whether it can keep its promises."""
