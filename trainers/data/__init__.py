"""Synthetic SEM images and training datasets."""
