"""The forward job of each sink: take, deliver, settle."""
