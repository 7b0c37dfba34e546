"""What operators do with what is stored: ledger, dead letters, rejected requests, replay."""
