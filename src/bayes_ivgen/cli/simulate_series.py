"""``bayes-ivgen simulate media-series``: weeks of geos from a world with carry-over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_ivgen.cli.output import file_size, say, say_command, working, write_table
from bayes_ivgen.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from bayes_ivgen.simulate import MediaSeriesSCM

TRUTHS = 200


def simulate_series(
    out: Path,
    truth: Path | None,
    *,
    actions: int | None,
    seed: int,
    sample_seed: int,
    geos: int,
    weeks: int,
    not_for_it: dict[str, Any],
) -> None:
    """Write weeks of geos, and on request steady spends with their exact joint effects.

    Raises
    ------
    DataError
        If an option is given that belongs to other worlds.
    """
    wrong = next((option for option, value in not_for_it.items() if value), None)
    if wrong is not None:
        raise DataError(
            f"{wrong} is not for media-series, whose regimes are experiments in its geos; say how many rows there are "
            "with --geos and --weeks."
        )
    from bayes_ivgen.simulate import media_series

    world = media_series(seed=seed) if actions is None else media_series(actions, seed)
    with working(f"drawing {geos * weeks:,} rows"):
        rows = world.sample(geos, weeks, test_weeks=16, rest_weeks=16, hold=4, seed=sample_seed)
        write_table(rows, out)
    found = ", ".join(sorted(rows["regime"].unique(), key=lambda label: (label != "obs", label)))
    say(f"Wrote {weeks:,} weeks of {geos:,} geos, {len(rows):,} rows of {found}, to {out} ({file_size(out)}).")
    if truth is not None:
        write_table(steady_truth(world, rows, sample_seed), truth)
        say(f"Wrote {TRUTHS} combinations of steady spends with their exact joint effect to {truth}.")
    rates = ", ".join(f"{name} {rate:.2f}" for name, rate in zip(world.actions, world.alpha, strict=True))
    say(f"Spends carry over for {world.l_max} weeks (retention rates: {rates}). Look at the rows first, for example:")
    names = ",".join(world.actions)
    say_command(
        f"bayes-ivgen check {out} --outcome {world.outcome} --actions {names} --time week --unit geo "
        "--seasonality 1 --trend --adstock choose"
    )


def steady_truth(world: MediaSeriesSCM, rows: pd.DataFrame, sample_seed: int) -> pd.DataFrame:
    """Steady spends inside the ranges in which they are set, with their effect over the weeks of the rows."""
    import numpy as np
    import pandas as pd

    low, high = np.log(world.set_range).T
    values = np.exp(np.random.default_rng(sample_seed).uniform(low, high, (TRUTHS, len(world.actions))))
    table = pd.DataFrame(values, columns=list(world.actions))
    return table.assign(effect=world.effect(table, rows["week"].to_numpy()))
