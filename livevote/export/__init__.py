"""A room's log as files for people and programs. Everything streams, whatever the event's size.

The server and the command line call the same functions with a reader of the same log, so both give the same bytes.
"""

from livevote.export.cells import instant
from livevote.export.formats import FORMATS, Format
from livevote.export.results import recovered
from livevote.export.rooms import rooms
from livevote.export.source import Source

__all__ = ["FORMATS", "Format", "Source", "instant", "recovered", "rooms"]
