"""The paper's experiments, over the training engine."""
