"""The pulse: reactions are seen for half a minute, and cost as much memory for any crowd."""

from hypothesis import given
from hypothesis import strategies as st

from livevote.clock import ManualClock
from livevote.live.pulse import REACTIONS, WINDOW_S, Pulse
from livevote.protocol.messages import Reaction

NOTHING = dict.fromkeys(REACTIONS, 0)


def test_reactions_are_counted_by_kind_until_they_are_old() -> None:
    clock = ManualClock()
    pulse = Pulse(clock)
    assert pulse.counts() == NOTHING
    for kind in ("clap", "clap", "lost"):
        pulse.add(kind)
    clock.advance(WINDOW_S - 1)
    pulse.add("clap")
    assert pulse.counts() == NOTHING | {"clap": 3, "lost": 1}
    clock.advance(1)
    assert pulse.counts() == NOTHING | {"clap": 1}
    clock.advance(WINDOW_S)
    assert pulse.counts() == NOTHING


def test_reactions_are_forgotten_when_they_are_switched_off() -> None:
    pulse = Pulse(ManualClock())
    pulse.add("wow")
    pulse.clear()
    assert pulse.counts() == NOTHING


@given(st.lists(st.tuples(st.floats(0, 40), st.sampled_from(REACTIONS)), max_size=200))
def test_counts_are_those_of_a_list_of_instants(came: list[tuple[float, Reaction]]) -> None:
    clock = ManualClock()
    pulse, seen = Pulse(clock), []
    for wait_s, kind in came:
        clock.advance(wait_s)
        pulse.add(kind)
        seen.append((int(clock.monotonic_s()), kind))
        now = int(clock.monotonic_s())
        recent = [kind for second, kind in seen if second > now - WINDOW_S]
        assert pulse.counts() == {kind: recent.count(kind) for kind in REACTIONS}
        assert len(pulse._seconds) <= WINDOW_S
