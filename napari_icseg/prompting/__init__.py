"""SAM-2 prompting: predictor, embedding cache, worker, windows; no Qt, no napari."""
