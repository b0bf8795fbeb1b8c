"""Background runs: start, watch, cancel, resume; no Qt, no torch."""
