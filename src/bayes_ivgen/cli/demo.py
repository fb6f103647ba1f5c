"""``bayes-ivgen demo``: the whole way on rows that ship with the package."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bayes_ivgen.cli.output import fixed, say, say_command, show_table, working, write_table
from bayes_ivgen.errors import StorageError

if TYPE_CHECKING:
    import pandas as pd

    from bayes_ivgen.interface import Fit
    from bayes_ivgen.simulate import MediaMixSCM

CHANNELS = ("tv", "web", "radio", "social")
COMBINATIONS = {
    "all low": (20.0, 20.0, 8.0, 10.0),
    "all as usual": (32.0, 36.0, 12.0, 16.0),
    "all high": (60.0, 70.0, 24.0, 32.0),
    "web and social high": (20.0, 90.0, 8.0, 40.0),
}
"""Spends of the combinations in thousand euro; between the 20th and the 95th percentile of the history."""

NEAREST_SHARE = 0.1
PROB = 0.9
MARKER = "README.txt"
_MARK = "written by bayes-ivgen demo"
_README = f"""{_MARK}; running it again replaces these files

rows.parquet  the rows: 'obs' is history, 'do(tv)' a test that set tv and left the others alone
fit.zarr      the fit; ask it with: bayes-ivgen effect fit.zarr --do tv=60,web=70 --rest hold
effects.csv   the table; spends and sales in thousand euro
effects.png   the picture
report.html   the fit on one page: effects, curves, checks and assumptions; open it in a browser
"""


class Readings(NamedTuple):
    """What the demonstration compares."""

    rows: pd.DataFrame
    world: MediaMixSCM
    fitted: Fit
    history_fit: Fit
    table: pd.DataFrame


def demo(
    *,
    out: Path = Path("bayes-ivgen-demo"),
    seed: int = 0,
    draws: int = 1000,
    chains: int = 4,
    tune: int = 200,
    cores: int | None = None,
) -> None:
    """Show the whole way on data that ship with the package, next to the truth.

    Four channels, confounded spend, one test per channel, drawn by a simulator
    that knows the exact effects. Fits the model, compares it with two usual
    readings of the history, and writes rows, fit, table, picture and report
    into a folder of its own. Takes about half a minute.

    Parameters
    ----------
    out : path
        Folder to write; replaced only if an earlier demo made it.
    seed : int
        Seed of the draws; the data stay the same.
    draws : int
        Kept draws of a chain.
    chains : int
        Number of chains.
    tune : int
        Discarded iterations of a chain.
    cores : int
        Processes for the chains; by default one a chain, as far as there are cores.
    """
    _claim(out)
    readings = read(seed=seed, draws=draws, chains=chains, tune=tune, cores=cores)
    _print_story(readings)
    with working("writing the picture"):
        _write(readings, out)
    with working("writing the report: effects, curves and checks"):
        readings.fitted.report(
            out / "report.html",
            queries=readings.table[list(CHANNELS)],
            units=dict.fromkeys((*CHANNELS, "sales"), "thousand euro"),
            overwrite=True,
        )
    say(f"Wrote rows.parquet, fit.zarr, effects.csv, effects.png and report.html into {out}. Ask on, for example:")
    say_command(f"bayes-ivgen effect {out / 'fit.zarr'} --do tv=60,web=70 --rest hold")


def _claim(out: Path) -> None:
    """Make the folder, or refuse one that the demo did not make."""
    marker = out / MARKER
    if out.exists():
        own = marker.is_file() and marker.read_text(encoding="utf-8").startswith(_MARK)
        if not own and not (out.is_dir() and not any(out.iterdir())):
            raise StorageError(f"{out} exists and is not the folder of an earlier demo; choose another one with --out.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        marker.write_text(_README, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{out} cannot be written: {error}. Choose another folder with --out.") from error


def read(*, seed: int, draws: int, chains: int, tune: int, cores: int | None) -> Readings:
    """Fit the model to all rows and a regression to the history, and ask both."""
    with working("loading rows and libraries"):
        import pandas as pd

        from bayes_ivgen.data import RegimeData
        from bayes_ivgen.demo_data.make import load_rows, make_world
        from bayes_ivgen.errors import ConvergenceWarning
        from bayes_ivgen.interface import InterventionModel

        rows, world = load_rows(), make_world()
    history = rows[rows["regime"] == "obs"]
    queries = pd.DataFrame(COMBINATIONS.values(), columns=list(CHANNELS), dtype=float)
    columns: dict[str, Any] = {"outcome": "sales", "actions": list(CHANNELS)}
    settings: dict[str, Any] = {"draws": draws, "chains": chains, "tune": tune, "cores": cores, "seed": seed}
    fitted = InterventionModel().fit(RegimeData.from_frame(rows, **columns), **settings)
    with warnings.catch_warnings():
        # Without tests the joint effects that the check of mixing looks at are not identified, and not asked for here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression = InterventionModel(graph="empty")
        history_fit = regression.fit(RegimeData.from_frame(history, **columns), **settings)
    ours = fitted.effect(do=queries).summary(PROB)
    table = queries.assign(
        truth=world.effect(queries),
        mean=ours["mean"],
        sd=ours["sd"],
        lower=ours["lower"],
        upper=ours["upper"],
        regression_on_history=history_fit.effect(given=queries).summary(PROB)["mean"],
        naive_sum=naive_sum(history, queries),
    )
    table.insert(0, "combination", list(COMBINATIONS))
    return Readings(rows, world, fitted, history_fit, table)


def naive_sum(history: pd.DataFrame, queries: pd.DataFrame) -> list[float]:
    """Add up single gains: mean sales, plus for each channel the gain at its spend.

    The gain of a channel at a spend is the mean of the sales in the tenth of the historical rows
    whose spend on this channel is nearest, minus the mean of all.
    """
    mean = float(history["sales"].mean())
    nearest = round(NEAREST_SHARE * len(history))
    total = [mean] * len(queries)
    for channel in CHANNELS:
        for i, spend in enumerate(queries[channel]):
            order = (history[channel] - spend).abs().sort_values(kind="stable").index[:nearest]
            total[i] += float(history.loc[order, "sales"].mean()) - mean
    return total


def _print_story(readings: Readings) -> None:
    counts = readings.rows["regime"].value_counts()
    say(
        f"{counts['obs']:,} rows of history, in which planners spend where demand is high already, and "
        f"{counts['do(tv)']} rows of a test of each channel alone. What are sales if all four spends are set? "
        f"No row tells: no two channels were ever set together{_no_row_near(readings)}."
    )
    say()
    show_table(
        [
            "spend on\ntv, web, radio, social",
            "exact\ntruth",
            "bayes-ivgen\n(90 % interval)",
            "regression\non history",
            "naive\nsum",
        ],
        [
            [
                f"{row['combination']}:\n{', '.join(f'{row[channel]:.0f}' for channel in CHANNELS)}",
                fixed(row["truth"], 0),
                f"{row['mean']:,.0f}\n({row['lower']:,.0f} to {row['upper']:,.0f})",
                fixed(row["regression_on_history"], 0),
                fixed(row["naive_sum"], 0),
            ]
            for row in readings.table.to_dict("records")
        ],
        last=["typical error", "", *(fixed(error, 0) for error in errors(readings.table))],
    )
    table = readings.table
    inside = int(((table["lower"] <= table["truth"]) & (table["truth"] <= table["upper"])).sum())
    say(
        f"Spends and sales in thousand euro; the typical error is a root mean square, and the truth lies in {inside} "
        f"of the {len(table)} intervals. The regression (smooth in all four channels) is right where spends are as "
        "usual and wrong where all move, because in the history high spend came with high demand. The naive sum is "
        "the mean of the history plus, for each channel, what the tenth of its rows with the nearest spend sold above "
        "that mean."
    )
    say()


def _no_row_near(readings: Readings) -> str:
    """Say so if every row differs from each combination by more than a tenth in some channel."""
    import numpy as np

    spends = readings.rows[list(CHANNELS)].to_numpy()[:, None, :]
    asked = readings.table[list(CHANNELS)].to_numpy()[None]
    near = (np.abs(spends / asked - 1) <= 0.1).all(axis=2)
    return ", and no row is within a tenth of these spends" if not near.any() else ""


def errors(table: pd.DataFrame) -> list[float]:
    """Root mean square error of the three readings over the combinations."""
    readings = ("mean", "regression_on_history", "naive_sum")
    return [float(((table[name] - table["truth"]) ** 2).mean() ** 0.5) for name in readings]


def _write(readings: Readings, out: Path) -> None:
    from bayes_ivgen.cli.demo_picture import draw
    from bayes_ivgen.demo_data.make import PATH

    try:
        shutil.copyfile(PATH, out / "rows.parquet")
        draw(readings, out / "effects.png")
    except OSError as error:
        raise StorageError(f"{out} cannot be written: {error}. Check the free space and the permissions.") from error
    write_table(readings.table, out / "effects.csv")
    readings.fitted.save(out / "fit.zarr", overwrite=True)
