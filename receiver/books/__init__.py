"""What became of every notification: the ledger, the dead letters, the refused, the replays."""
