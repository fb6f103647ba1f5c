"""Every test draws without a screen and leaves no figure behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from matplotlib import pyplot as plt


@pytest.fixture(autouse=True)
def no_screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use a backend without windows; calling `show` is a failure."""

    def show(*args: object, **kwargs: object) -> None:
        raise AssertionError("a plot called show()")

    plt.switch_backend("agg")
    monkeypatch.setattr(plt, "show", show)
    monkeypatch.setattr("matplotlib.figure.Figure.show", show)
    yield
    plt.close("all")
