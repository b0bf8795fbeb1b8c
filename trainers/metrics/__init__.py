"""Metrics; each cites its source and states its empty-mask rule."""
