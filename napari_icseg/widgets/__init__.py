"""Qt widgets: layout and signals only, no logic."""
