"""The project file and its history; no Qt, napari or torch."""
