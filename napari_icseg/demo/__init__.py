"""The demo: a simulated annotator works in the real GUI and leaves pictures and figures."""
