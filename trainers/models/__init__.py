"""Models and the tasks that train them, one component a file."""
