"""The playhead is tested with the documents that it plays, in ``test_document``; here is how it moves."""

from livevote.domain.commands import CloseVoting
from livevote.replay.playhead import Playhead
from tests.history import cast, opened
from tests.replay.test_document import document


def test_it_moves_back_as_well_as_on() -> None:
    history = opened().did(*(cast(f"v{number}", number % 3) for number in range(9)), CloseVoting("q1"))
    playhead = Playhead(document(history.entries))
    there = [playhead.to_index(as_of) for as_of in range(14)]
    back = [playhead.to_index(as_of) for as_of in range(13, -1, -1)]
    assert back[::-1] == there
    assert [moment.voters for moment in there] == [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9]
    assert playhead.to_index(99).as_of == 99
