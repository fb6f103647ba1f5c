"""``bayes-ivgen fit``: fit the model to rows in files and save the fit."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from bayes_ivgen.cli.carried import show_carried, show_share
from bayes_ivgen.cli.media_options import MediaOptions, transforms_of
from bayes_ivgen.cli.model_options import ModelOptions
from bayes_ivgen.cli.options import Flag, RowOptions, read_rows
from bayes_ivgen.cli.output import check_target, number, read_table, say, say_command, show_table
from bayes_ivgen.cli.parsing import shown

if TYPE_CHECKING:
    from bayes_ivgen.data import RegimeData
    from bayes_ivgen.data.labels import Label
    from bayes_ivgen.interface import Fit

DEFAULT_MODEL = ModelOptions()
NO_TRANSFORMS = MediaOptions()
_MEANING = {
    "effects": "joint effects",
    "tau": "scales of the terms",
    "hyper": "scales of the priors",
    "sigma": "noise scales",
    "dispersion": "dispersions",
}


def fit(
    paths: list[str],
    /,
    *,
    rows: RowOptions,
    out: Path,
    model: ModelOptions = DEFAULT_MODEL,
    media: MediaOptions = NO_TRANSFORMS,
    lift_tests: Path | None = None,
    draws: int = 1000,
    chains: int = 4,
    tune: int = 200,
    engine: Literal["conjugate", "nuts"] = "conjugate",
    seed: Annotated[int | None, Parameter(show_default=False)] = None,
    cores: int | None = None,
    checkpoint: Path | None = None,
    independent_rows: Flag = False,
    overwrite: Flag = False,
) -> None:
    """Fit the model to rows in Parquet or CSV files and save the fit.

    Example: bayes-ivgen fit rows.parquet --outcome sales --actions tv,web,radio --out fit.zarr

    Weeks of geos whose spends carry over also need --time week --unit geo
    --adstock choose, and --seasonality 2 --trend where sales have a season.

    Parameters
    ----------
    paths : list of str
        Files, a folder of files, or a pattern such as "rows/*.parquet".
    out : path
        Folder to write, by convention ending in .zarr.
    lift_tests : path
        CSV or Parquet file of lift tests: channel, x, delta_x, delta_y, sigma.
    draws : int
        Kept draws of a chain.
    chains : int
        Number of chains.
    tune : int
        Discarded iterations of a chain.
    engine : {"conjugate", "nuts"}
        Gibbs sampling on sufficient statistics, or NUTS through PyMC.
    seed : int
        Seed of the draws; by default fresh ones each time.
    cores : int
        Cores to use, for the rows and for chains; by default all.
    checkpoint : path
        Folder for notes of every two million rows: the same command goes on where it was interrupted.
    independent_rows : bool
        Take weeks of a series as independent; by default intervals allow for how weeks resemble those before them.
    overwrite : bool
        Replace what is at --out.
    """
    check_target(out, overwrite=overwrite)
    chosen = model.build(rows.roles, transforms_of(rows, media))
    tests = None if lift_tests is None else read_table(lift_tests)
    data = read_rows(paths, rows, checkpoint)
    started = time.perf_counter()
    sampling = {"draws": draws, "chains": chains, "tune": tune, "engine": engine, "seed": seed, "cores": cores}
    sampling["independent_rows"] = independent_rows
    fitted = chosen.fit(data, lift_tests=tests, checkpoint=checkpoint, **sampling)  # type: ignore[arg-type]
    fitted.save(out, overwrite=overwrite)
    _report(fitted, data, model.graph, time.perf_counter() - started)
    if fitted.carried is not None and fitted.carried.series is not None:
        show_share(fitted)
    say(f"Saved in {out}. Ask it, for example:")
    say_command(f"bayes-ivgen effect {_quoted(str(out))} {next_question(fitted)}")


def _report(fitted: Fit, data: RegimeData, graph: str, seconds: float) -> None:
    posterior = fitted.datatree["posterior"].sizes
    say(
        f"Fitted {fitted.outcome_name} given {', '.join(fitted.actions)}: {fitted.design.n_coefficients} coefficients, "
        f"{posterior['chain']} chains of {posterior['draw']:,} draws, {seconds:.1f} s."
    )
    if fitted.carried is None or fitted.carried.series is None:
        profiles = data.profiles.items()
        show_table(["regime", "rows"], [[regime.label, f"{profile.rows:,}"] for regime, profile in profiles])
    if fitted.carried is not None:
        show_carried(fitted.carried)
    say(f"{describe_graph(fitted, graph)}")
    table = fitted.diagnostics
    show_table(
        ["did the chains mix?", "R-hat, at most", "effective draws, at least"],
        [
            [_MEANING.get(str(name), str(name)), number(row["r_hat"]), f"{row['ess_bulk']:,.0f}"]
            for name, row in table.iterrows()
        ],
    )


def describe_graph(fitted: Fit, choice: str) -> str:
    """One line on the graph and where it is from."""
    edges = ", ".join(f"{parent} -> {child}" for parent, child in fitted.graph.edges)
    source = {"learn": "learned from the experiments", "full": "every earlier action drives the later ones"}
    return f"Graph ({source.get(choice, 'given')}): {edges or 'no action drives another one'}"


def next_question(fitted: Fit) -> str:
    """Options of `effect` that this fit can answer, at values in the middle of what was tried."""
    from bayes_ivgen.data import Regime
    from bayes_ivgen.errors import IdentificationError

    candidates = [Regime(fitted.actions), *sorted(fitted.regimes, key=lambda regime: -len(regime.set_actions))]
    for regime in candidates:
        do = [(action, _middle(fitted, action, was_set=True)) for action in fitted.actions if regime.sets(action)]
        given = [
            (action, _middle(fitted, action, was_set=False)) for action in fitted.actions if not regime.sets(action)
        ]
        try:
            fitted.effect(do=dict(do) or None, given=dict(given) or None)
        except IdentificationError:
            continue
        return " ".join(
            f"--{option} {_quoted(shown(pairs))}" for option, pairs in (("do", do), ("given", given)) if pairs
        )
    return "--help"


def _middle(fitted: Fit, action: str, *, was_set: bool) -> Label:
    """Median of the observed values, kept inside what was tried, with three digits where they suffice."""
    middle = _middle_number(fitted, action, was_set=was_set)
    labels = fitted.categories.get(action)
    return middle if labels is None else labels[int(middle)]


def _middle_number(fitted: Fit, action: str, *, was_set: bool) -> float:
    import numpy as np

    support = fitted.effects.support
    tried = (
        (support.tested if was_set else support.natural)[action] or support.natural[action] or support.tested[action]
    )
    median = float(np.median(fitted.effects.observed[:, fitted.actions.index(action)]))
    if tried is None:
        return median
    if tried.levels is not None:
        return min(tried.levels, key=lambda level: abs(level - median))
    short = float(f"{min(max(median, tried.low), tried.high):.3g}")
    return short if tried.low <= short <= tried.high else min(max(median, tried.low), tried.high)


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)
