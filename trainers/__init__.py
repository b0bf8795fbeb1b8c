"""Train, evaluate and apply segmentation models for SEM images, without a GUI."""
