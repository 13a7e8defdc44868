"""Every reason has a text, and every close code has its own meaning in a range that may be used."""

from livevote.domain.refusals import Code, Refusal
from livevote.protocol.codes import CLOSE, CLOSES, REJECTED, UNKNOWN, Unsure, Wire, explain


def test_every_refusal_has_a_text() -> None:
    assert set(REJECTED) == {*Code, *Wire}


def test_every_reason_to_be_unsure_has_a_text() -> None:
    assert set(UNKNOWN) == set(Unsure)


def test_a_refusal_is_explained_with_what_is_special_about_it() -> None:
    assert explain(Refusal(Code.TOO_MANY)) == "Choose fewer options."
    assert explain(Refusal(Code.TOO_MANY, "at most 2")) == "Choose fewer options: at most 2."


def test_texts_are_sentences() -> None:
    texts = [*REJECTED.values(), *UNKNOWN.values(), *(close.text for close in CLOSES)]
    assert [text for text in texts if not text.endswith(".") or not text[0].isupper()] == []


def test_a_reason_is_final_or_unsure_and_never_both() -> None:
    reasons = [str(reason) for reasons in (Code, Wire, Unsure) for reason in reasons]
    assert len(set(reasons)) == len(reasons)


def test_unsure_texts_promise_the_retry_that_the_client_makes() -> None:
    assert [reason for reason, text in UNKNOWN.items() if "will be sent again" not in text] == []


def test_close_codes_and_their_names_are_unique() -> None:
    assert len({close.code for close in CLOSES}) == len({close.name for close in CLOSES}) == len(CLOSES)


def test_close_codes_may_be_sent() -> None:
    """RFC 6455, section 7.4: 1004 to 1006 and 1015 are never sent, and 4000 to 4999 are for applications."""
    sendable = {*range(1000, 1004), *range(1007, 1015), *range(4000, 5000)}
    assert {close.code for close in CLOSES} <= sendable


def test_close_reasons_fit_into_a_control_frame() -> None:
    """RFC 6455, section 5.5: 125 bytes, two of which are the code."""
    assert [close for close in CLOSES if len(close.name.encode()) > 123] == []


def test_closes_are_found_by_name() -> None:
    assert {name: close.name for name, close in CLOSE.items()} == {close.name: close.name for close in CLOSES}
    assert CLOSE["no_such_room"].code == 4404


def test_clients_come_back_only_where_that_can_help() -> None:
    assert {name for name, close in CLOSE.items() if close.retry} == {
        "server_fault",
        "restarting",
        "no_session",
        "timed_out",
        "too_fast",
    }
