"""The list of rooms in a log, for whoever looks for a code to export.

Apart from the formats, because it reads every room.
"""

from collections import Counter

from livevote.domain.records import RoomCreated, RoomRenamed
from livevote.log import Reader


def rooms(reader: Reader) -> list[tuple[str, str, int]]:
    """Code, title and number of records of every room."""
    titles: dict[str, str] = {}
    records: Counter[str] = Counter()
    for entry in reader.scan():
        records[entry.room] += 1
        if isinstance(entry.record, RoomCreated | RoomRenamed):
            titles[entry.room] = entry.record.title
    return [(code, titles[code], records[code]) for code in titles]
