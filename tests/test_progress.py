"""Progress in words."""

from __future__ import annotations

import pytest

from bayes_ivgen.progress import speed, stages


@pytest.mark.parametrize(
    ("per_second", "expected"),
    [(None, ""), (0.2, ""), (12.4, "12/s"), (999.6, "1000/s"), (840_200, "840k/s"), (2_340_000, "2.3M/s")],
)
def test_speed_is_short(per_second: float | None, expected: str) -> None:
    assert speed(per_second) == expected


def test_stages_are_silent_where_nobody_looks(capfd: pytest.CaptureFixture[str]) -> None:
    with stages(show=True) as stage:
        advance = stage("reading 10 rows", 10)
        advance(4)
        advance(6)
    assert capfd.readouterr() == ("", "")
