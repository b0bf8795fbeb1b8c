"""Loss functions; each cites its source."""
