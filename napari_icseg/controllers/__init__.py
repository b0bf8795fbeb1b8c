"""Controllers: the only place where widgets, project, prompting and jobs meet."""
