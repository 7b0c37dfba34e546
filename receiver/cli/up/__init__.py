"""`receiver up`: everything in one, with an embedded Valkey and a demonstration."""
