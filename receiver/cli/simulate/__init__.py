"""`receiver simulate`: its commands, its log and its report."""
