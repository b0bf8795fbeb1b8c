"""Benchmarks of labelling by clicks, headless: `icseg bench`."""
