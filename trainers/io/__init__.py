"""Reading and writing images, masks and annotation files."""
