"""One table of every reason and every close code that a client can meet, with what it means for trying again.

The pages carry the close codes as JSON; a test compares both.
"""

from enum import StrEnum

import msgspec

from livevote.domain.refusals import Code, Refusal


class Wire(StrEnum):
    """Reasons that the protocol itself gives, before a command reaches a room."""

    BAD_MESSAGE = "bad_message"
    NOT_A_VOTER = "not_a_voter"


class Unsure(StrEnum):
    """Reasons for an ``unknown``: nothing was decided, so the same id is sent again."""

    BUSY = "busy"
    TOO_FAST = "too_fast"
    RETRY_LATER = "retry_later"
    STOPPING = "stopping"
    FAULT = "fault"
    FAILED = "failed"


REJECTED: dict[Code | Wire, str] = {
    Wire.BAD_MESSAGE: "This is not a message that the server knows. Reload the page.",
    Wire.NOT_A_VOTER: "This socket shows the vote and takes none. Open the join link to vote.",
    Code.UNKNOWN_QUESTION: "There is no such question in this room.",
    Code.WRONG_ROUND: "This question is being asked in another round. Vote in the current one.",
    Code.NOT_OPEN: "Voting on this question has not opened yet.",
    Code.CLOSED: "Voting on this question is closed.",
    Code.BAD_ANSWER: "The answer is not of the shape that this question takes.",
    Code.OUT_OF_RANGE: "The answer names an option that this question does not have.",
    Code.DUPLICATE_CHOICE: "The answer names the same option twice.",
    Code.TOO_FEW: "Choose more options.",
    Code.TOO_MANY: "Choose fewer options.",
    Code.ALREADY_VOTED: "You have voted, and this question does not let an answer be changed.",
    Code.TOO_MANY_CHANGES: "You have changed your answer often enough. The last one counts.",
    Code.CONFLICT: "This ballot id was used for another answer. Send a new id.",
    Code.BAD_TITLE: "The room's title cannot be used.",
    Code.BAD_QUESTION: "The question cannot be asked like this.",
    Code.UNKNOWN_KIND: "There is no such kind of question.",
    Code.TOO_MANY_QUESTIONS: "The room is full of questions. Create another room.",
    Code.ROOM_EXISTS: "There is a room with this code. Try again.",
    Code.ALREADY_OPENED: "The question was opened before. Ask it again to begin a new round.",
    Code.ANOTHER_OPEN: "Another question is open.",
    Code.STILL_OPEN: "The question is open. Close it first.",
    Code.ALREADY_REVEALED: "The results are revealed already.",
    Code.ALREADY_HIDDEN: "The results are hidden already.",
    Code.ALREADY_SO: "The room is set like that already.",
    Code.NO_SUCH_BALLOT: "There is no such ballot.",
    Code.ALREADY_ERASED: "What this record held was erased before.",
    Code.EMPTY_TEXT: "Write something first.",
    Code.TOO_LONG: "The text is too long.",
    Code.BAD_TERMS: "These are no texts that can be judged.",
    Code.BAD_TIMER: "The timer cannot be set like this.",
    Code.TIMER_MOVED: "The timer was set anew meanwhile.",
    Code.BAD_COHOST: "The co-host's name cannot be used.",
    Code.TOO_MANY_COHOSTS: "The room has enough co-hosts. Revoke one first.",
    Code.NO_SUCH_COHOST: "There is no such co-host, or it was revoked.",
    Code.BAD_ORIGIN: "The wall cannot be shown on such a site.",
    Code.OTHER_MEANING: "This changes what was asked. Say so with 'meaning', and it counts from the next round on.",
    Code.WAS_ASKED: "The question was asked, so it stays in the room.",
    Code.BAD_ORDER: "The order has to name every question of the room once.",
    Code.UNKNOWN_LANGUAGE: "The pages do not speak this language.",
    Code.ROOM_ERASED: "The answers of this room were deleted, and it is closed for good.",
    Code.NO_CODE: "This question is answered with a one-time code. Enter yours first.",
    Code.CODE_USED: "This code was used before, in another browser. Ask the host for help.",
    Code.UNKNOWN_CODE: "There is no such code in this room. Check its characters.",
    Code.CODES_MISSING: "This question is answered with one-time codes, and the room has none. Make or import codes.",
    Code.CODES_IN_USE: "A question that is answered with codes is open. Close it before you issue more.",
    Code.BAD_CODES: "These codes cannot be issued.",
    Code.NO_SOLUTION: "This question has no solution to show.",
    Code.NOT_CLOSED: "The question is open or was never asked. Close it before you show the solution.",
    Code.ALREADY_SHOWN: "The solution is shown already.",
    Code.NOT_LINKED: "This room does not add up points, so it has no names and no leaderboard.",
    Code.TOO_LATE: "A question was opened before. Points can be added up only in a room that begins with it.",
    Code.BAD_NAME: "This name cannot be used.",
    Code.NAME_TAKEN: "Somebody in this room has this name already. Take another one.",
    Code.TOO_MANY_NAMES: "You have changed your name often enough.",
    Code.NO_SUCH_NAME: "There is no such name.",
    Code.BOARD_OFF: "This room takes no posts now.",
    Code.BAD_POST: "The post cannot be put on the board like this.",
    Code.TOO_MANY_POSTS: "You have put as many posts on the board as may wait for an answer.",
    Code.BOARD_FULL: "The board is full. Upvote a post that says the same, or wait until the host makes room.",
    Code.UNKNOWN_POST: "There is no such post on the board.",
    Code.SAME_UPVOTE: "Your upvote of this post is like that already.",
    Code.TOO_MANY_UPVOTES: "You have given and taken back upvotes often enough. They stay as they are.",
}
"""Text for every final refusal, in plain words that say what to do."""


def explain(refusal: Refusal) -> str:
    """The text of a refusal with what is special about this case."""
    text = REJECTED[refusal.code]
    return f"{text.removesuffix('.')}: {refusal.detail}." if refusal.detail else text


UNKNOWN: dict[Unsure, str] = {
    Unsure.BUSY: "More votes are waiting than the server takes at once. The vote will be sent again.",
    Unsure.TOO_FAST: "Too many messages from this page. The vote will be sent again in a moment.",
    Unsure.RETRY_LATER: "The server's disk is full or in use. The vote will be sent again.",
    Unsure.STOPPING: "The server is restarting. The vote will be sent again.",
    Unsure.FAULT: "Something went wrong on the server. The vote will be sent again.",
    Unsure.FAILED: "The server cannot write to its disk. The vote will be sent again.",
}
"""Text for every reason of an ``unknown``. The client sends the same id again after ``retry_ms``."""


class Close(msgspec.Struct, frozen=True):
    """A close code: its name, whether the client should come back by itself, and what the page says."""

    code: int
    name: str
    retry: bool
    text: str


CLOSES: tuple[Close, ...] = (
    Close(1002, "protocol_error", False, "The connection broke the rules of its protocol. Reload the page."),
    Close(1003, "binary_refused", False, "The server takes text messages only. Reload the page."),
    Close(1007, "not_utf8", False, "The server takes UTF-8 text only. Reload the page."),
    Close(1009, "too_big", False, "The message was larger than 4 KiB. Reload the page."),
    Close(1011, "server_fault", True, "Something went wrong on the server."),
    Close(1012, "restarting", True, "The server is restarting."),
    Close(4401, "no_session", True, "The server does not know this browser yet."),
    Close(4403, "not_the_host", False, "This browser is not signed in as the host. Open the host link again."),
    Close(4404, "no_such_room", False, "There is no room with this code. Check the code on the wall."),
    Close(4408, "timed_out", True, "The connection was silent for too long."),
    Close(
        4409,
        "too_many_sockets",
        False,
        "This room was opened in too many tabs. Go on in the newest one, or reload this page.",
    ),
    Close(4410, "rehearsal_over", False, "The rehearsal is over. Enter the code of the real vote."),
    Close(4429, "too_fast", True, "Too many messages from this page."),
)

CLOSE: dict[str, Close] = {close.name: close for close in CLOSES}
"""The table by name."""
