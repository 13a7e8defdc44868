"""The failures that end the process, each with its exit code and one sentence for the person who started it.

Apart from everything else, so that any layer can raise one and ``cli`` alone prints it. Codes follow ``sysexits.h``.
"""


class FailureError(Exception):
    """The process cannot go on. The text says what is wrong and what to do about it."""

    exit_code = 70
    meaning = "a fault in livevote itself"


class CorruptError(FailureError):
    exit_code = 65
    meaning = "the log, a checkpoint or a bundle is damaged, was changed, or is not one of livevote's"


class BadFileError(FailureError):
    exit_code = 64
    meaning = "a room file or sheet has mistakes; each is printed with its line, and nothing was changed"


class BadRecordError(CorruptError):
    """A record that can be read from the file and that no version of livevote wrote."""


class NoSuchRoomError(FailureError):
    exit_code = 66
    meaning = "there is no such room or ballot in the data directory"


class PortError(FailureError):
    exit_code = 69
    meaning = "the address or port cannot be listened on"


class DataDirectoryError(FailureError):
    exit_code = 73
    meaning = "the data directory, or another file or directory that was named, cannot be made, read or written"


class ShortageError(DataDirectoryError):
    """There was no descriptor, memory or lock for it at this moment; later there may be."""


class WriteError(FailureError):
    exit_code = 74
    meaning = "a write to the log failed while serving; nothing more was acknowledged"


class AlreadyRunningError(FailureError):
    exit_code = 75
    meaning = "another livevote process uses this data directory"


class SetupError(FailureError):
    exit_code = 78
    meaning = "settings, keys, migrations or installed files do not fit: for example a database from a newer version"


FAILURES: tuple[type[FailureError], ...] = (
    BadFileError,
    CorruptError,
    NoSuchRoomError,
    PortError,
    FailureError,
    DataDirectoryError,
    WriteError,
    AlreadyRunningError,
    SetupError,
)
"""Every exit code other than 0 and click's 2 for a wrong command line."""
