"""The parts of an evaluation: which images, which truth, which scores, and their report."""
