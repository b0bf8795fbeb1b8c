"""What can go wrong with a project file, each with what to do about it."""

from trainers.errors import IcsegError


class ProjectError(IcsegError):
    """The project cannot do what was asked; it is unchanged."""


class ProjectLockedError(ProjectError):
    """Another process (or another window of this one) has the project open."""


class ProjectVersionError(ProjectError):
    """The file was written by a newer version of the program."""


class ProjectDamagedError(ProjectError):
    """The file is not a readable project: another format, cut short or overwritten."""


class ProjectReadOnlyError(ProjectError):
    """The file or its folder cannot be written."""


class ProjectWriteError(ProjectError):
    """A change could not be written (a full disk, say) and was taken back entirely."""
