"""SAM-2 image models: the compact sam2-nano and the official checkpoints."""
