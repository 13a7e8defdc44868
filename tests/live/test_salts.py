"""The salts: as long as they must be, never given twice, and not kept from one drawing to the next."""

from itertools import islice

from livevote.domain.audit import SALT_BYTES
from livevote.live.salts import salts


def test_salts_are_new_each_time_and_to_everybody() -> None:
    drawn = [*islice(salts(), 1000), *islice(salts(), 1000)]
    assert {len(salt) for salt in drawn} == {SALT_BYTES}
    assert len(set(drawn)) == len(drawn)
