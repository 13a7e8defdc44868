"""The reasons for which a command is refused.

Apart from the commands, because kinds, rooms and the protocol's table of messages all name them.
"""

from enum import StrEnum

import msgspec


class Code(StrEnum):
    """Every reason that a decision can give. The texts that people read are in ``protocol.codes``."""

    UNKNOWN_QUESTION = "unknown_question"
    WRONG_ROUND = "wrong_round"
    NOT_OPEN = "not_open"
    CLOSED = "closed"
    BAD_ANSWER = "bad_answer"
    OUT_OF_RANGE = "out_of_range"
    DUPLICATE_CHOICE = "duplicate_choice"
    TOO_FEW = "too_few"
    TOO_MANY = "too_many"
    ALREADY_VOTED = "already_voted"
    TOO_MANY_CHANGES = "too_many_changes"
    CONFLICT = "conflict"
    BAD_TITLE = "bad_title"
    BAD_QUESTION = "bad_question"
    UNKNOWN_KIND = "unknown_kind"
    TOO_MANY_QUESTIONS = "too_many_questions"
    ROOM_EXISTS = "room_exists"
    ALREADY_OPENED = "already_opened"
    ANOTHER_OPEN = "another_open"
    STILL_OPEN = "still_open"
    ALREADY_REVEALED = "already_revealed"
    ALREADY_HIDDEN = "already_hidden"
    ALREADY_SO = "already_so"
    NO_SUCH_BALLOT = "no_such_ballot"
    ALREADY_ERASED = "already_erased"
    EMPTY_TEXT = "empty_text"
    TOO_LONG = "too_long"
    BAD_TERMS = "bad_terms"
    BAD_TIMER = "bad_timer"
    TIMER_MOVED = "timer_moved"
    BAD_COHOST = "bad_cohost"
    TOO_MANY_COHOSTS = "too_many_cohosts"
    NO_SUCH_COHOST = "no_such_cohost"
    BAD_ORIGIN = "bad_origin"
    OTHER_MEANING = "other_meaning"
    WAS_ASKED = "was_asked"
    BAD_ORDER = "bad_order"
    UNKNOWN_LANGUAGE = "unknown_language"
    ROOM_ERASED = "room_erased"
    NO_CODE = "no_code"
    CODE_USED = "code_used"
    UNKNOWN_CODE = "unknown_code"
    CODES_MISSING = "codes_missing"
    CODES_IN_USE = "codes_in_use"
    BAD_CODES = "bad_codes"
    NO_SOLUTION = "no_solution"
    NOT_CLOSED = "not_closed"
    ALREADY_SHOWN = "already_shown"
    NOT_LINKED = "not_linked"
    TOO_LATE = "too_late"
    BAD_NAME = "bad_name"
    NAME_TAKEN = "name_taken"
    TOO_MANY_NAMES = "too_many_names"
    NO_SUCH_NAME = "no_such_name"
    BOARD_OFF = "board_off"
    BAD_POST = "bad_post"
    TOO_MANY_POSTS = "too_many_posts"
    BOARD_FULL = "board_full"
    UNKNOWN_POST = "unknown_post"
    SAME_UPVOTE = "same_upvote"
    TOO_MANY_UPVOTES = "too_many_upvotes"


class Refusal(msgspec.Struct, frozen=True):
    """A final no: the command leaves no trace in the log.

    ``detail`` says what is special about this case (a limit, a name); it never holds an answer.
    """

    code: Code
    detail: str = ""
