"""``bayes-ivgen simulate``: rows from worlds whose effects are known exactly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bayes_ivgen.cli.options import Flag
from bayes_ivgen.cli.output import TABLE_SUFFIXES, check_target, file_size, say, say_command, working, write_table
from bayes_ivgen.cli.parsing import regimes_of
from bayes_ivgen.cli.simulate_series import simulate_series
from bayes_ivgen.errors import DataError, SpecError

if TYPE_CHECKING:
    import pandas as pd

    from bayes_ivgen.simulate import SCM

World = Literal["polynomial", "lognormal", "media-mix", "boolean", "twins", "discrete", "media-series"]
_PAIRS = ("boolean", "twins")


def simulate(
    world: World,
    /,
    *,
    rows: int | None = None,
    out: Path,
    actions: int | None = None,
    seed: int = 0,
    sample_seed: int = 0,
    regimes: str | None = None,
    joint: Flag = False,
    geos: int | None = None,
    weeks: int | None = None,
    truth: Path | None = None,
    overwrite: Flag = False,
) -> None:
    """Write rows of a simulated world, and on request its exact joint effects.

    Example: bayes-ivgen simulate polynomial --rows 10000 --seed 1 --out rows.parquet

    Parameters
    ----------
    world : str
        Which world; boolean and twins are pairs that only a joint experiment can tell apart.
        media-series has weeks of geos, in which spends carry over.
    rows : int
        Number of rows of each regime; by default 1000.
    out : path
        File to write, .parquet or .csv.
    actions : int
        Number of actions; by default what the world has by itself (2 for boolean and twins).
    seed : int
        Seed of the world's parameters; for boolean and twins which of the pair, 0 or 1.
    sample_seed : int
        Seed of the rows.
    regimes : str
        Regimes to sample: "obs,do(a1),do(a1,a2)"; by default obs and each action alone.
    joint : bool
        Add the regime that sets all actions.
    geos : int
        For media-series: number of geos; by default 20.
    weeks : int
        For media-series: number of weeks; by default 120.
    truth : path
        Also write values of all actions, as in the regime that sets all, with their exact effect.
    overwrite : bool
        Replace the files that are there.
    """
    if sample_seed < 0:
        raise DataError(f"--sample-seed {sample_seed} must be a whole number, 0 or more.")
    targets = [path for path in (out, truth) if path is not None]
    if truth is not None and out.absolute() == truth.absolute():
        raise DataError("--out and --truth name the same file; choose another one for the truth.")
    for path in targets:
        check_target(path, overwrite=overwrite, suffixes=TABLE_SUFFIXES)
    if world == "media-series":
        simulate_series(
            out,
            truth,
            actions=actions,
            seed=seed,
            sample_seed=sample_seed,
            geos=20 if geos is None else geos,
            weeks=120 if weeks is None else weeks,
            not_for_it={"--rows": rows is not None, "--regimes": regimes is not None, "--joint": joint},
        )
        return
    if geos is not None or weeks is not None:
        raise DataError("--geos and --weeks are for media-series; say how many rows each regime has with --rows.")
    rows = 1000 if rows is None else rows
    scm = make_world(world, actions, seed)
    everything = f"do({','.join(scm.actions)})"
    counts = _counts(scm, regimes, rows)
    if joint:
        counts.setdefault(everything, rows)
    with working(f"drawing {rows * len(counts):,} rows"):
        write_table(scm.sample_regimes(counts, seed=sample_seed), out)
    say(f"Wrote {rows * len(counts):,} rows of {', '.join(counts)} to {out} ({file_size(out)}).")
    if truth is not None:
        write_table(joint_truth(scm, rows, sample_seed), truth)
        say(f"Wrote {rows:,} combinations of the actions with their exact joint effect to {truth}.")
    say(f"In this world {_describe_causes(scm)}. Look at the rows first, for example:")
    say_command(f"bayes-ivgen check {out} --outcome {scm.outcome} --actions {','.join(scm.actions)}")


def make_world(world: World, actions: int | None, seed: int) -> SCM:
    """Build a world.

    Raises
    ------
    SpecError
        If the world does not have this number of actions, or this seed.
    """
    from bayes_ivgen import simulate as worlds

    if world in _PAIRS:
        if actions not in (None, 2):
            raise SpecError(f"the world {world} has 2 actions, not {actions}; leave --actions out.")
        if seed not in (0, 1):
            raise SpecError(f"the world {world} is a pair: --seed must be 0 or 1. Got {seed} instead.")
        return worlds.boolean_example("twins" if world == "twins" else "example1", seed)
    if world == "media-mix":
        return worlds.media_mix(seed=seed) if actions is None else worlds.media_mix(actions, seed)
    count: dict[str, Any] = {} if actions is None else {"n_actions": actions}
    if world == "lognormal":
        return worlds.linear_lognormal(seed=seed, **count)
    if world == "discrete":
        return worlds.discrete(seed=seed, **count)
    return worlds.polynomial(seed=seed, **count)


def _counts(scm: SCM, regimes: str | None, rows: int) -> dict[str, int]:
    """Rows of each regime, by canonical label."""
    if regimes is None:
        return scm.standard_regimes(rows)
    from bayes_ivgen.data import Regime

    labels = [Regime.parse(label, scm.actions).label for label in regimes_of(regimes)]
    doubled = next((label for label in labels if labels.count(label) > 1), None)
    if not labels or doubled is not None:
        what = "is empty" if doubled is None else f"names {doubled} twice"
        raise DataError(f"--regimes {what}; write each regime once, for example --regimes 'obs,do({scm.actions[0]})'.")
    return dict.fromkeys(labels, rows)


def joint_truth(scm: SCM, rows: int, sample_seed: int) -> pd.DataFrame:
    """Values of the actions in the regime that sets all of them, with the exact effect."""
    everything = f"do({','.join(scm.actions)})"
    values = scm.sample(rows, everything, sample_seed)[list(scm.actions)]
    return values.assign(effect=scm.effect(values))


def _describe_causes(scm: SCM) -> str:
    edges = [f"{parent} -> {child}" for child, parents in scm.parents.items() for parent in parents]
    return ", ".join(edges) if edges else "no action drives another one"
