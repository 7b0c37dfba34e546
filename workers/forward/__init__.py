"""The forward job of each sink: lease deliveries, send them, settle their outcomes."""
