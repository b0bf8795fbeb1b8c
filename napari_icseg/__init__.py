"""Label SEM images of integrated circuits by clicks, in napari."""

__version__ = "0.1.0"
