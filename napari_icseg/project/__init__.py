"""The project file: images, objects, classes, proposals and their whole history."""
