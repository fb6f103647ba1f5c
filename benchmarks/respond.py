"""What happens if some actions are set and the others left to respond: coverage and excess.

python benchmarks/respond.py --worlds 20 --rows 20000
python benchmarks/respond.py --case covariates --worlds 20 --rows 20000

Discrete worlds (3 actions with 3 levels, edges with probability 0.7), `rows` rows in all, split evenly over obs and one
test per action. Scored are all effects E[Y | do(a_j, a_k)] of two actions that are set together, which no regime does,
with the third left alone; the truth is exact by enumeration. Beside rest="respond" stand rest="hold" (another quantity:
what taking one for the other costs) and a baseline from the rows alone: the effects of both single tests added up,
less the observational mean. Over worlds: mean and standard error.

With --case covariates the causally first of four variables plays a covariate x with 3 levels that drives two actions or
more and that nobody sets; every regime has its own law of x, as tests that are run in another season. Scored are
E[Y | do(a_j, a_k), x] at every x, and its average over x in all rows (the columns that end in _averaged). The baseline
is the same sum of means in cells of (a_j, x), averaged over x afterwards. Beside the averages stands this package
without x: `coverage_without` and `excess_without`.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

import bayes_ivgen as ivg
from bayes_ivgen.simulate import DiscreteSCM


def marginal(world: DiscreteSCM, subset: tuple[str, ...], by: tuple[str, ...] = ()) -> pd.DataFrame:
    """E[Y | do(a_S)] by enumeration: columns of S and ``truth``; with `by` at each value of further variables."""
    cells = world.law(f"do({','.join(subset)})")
    cells["total"] = cells["probability"] * cells["mean"].fillna(0.0)
    sums = cells.groupby([*subset, *by])[["probability", "total"]].sum()
    return (sums["total"] / sums["probability"]).rename("truth").reset_index()


def _label(level: float) -> str:
    return "abc"[int(level)]


def one_world(seed: int, rows: int, draws: int) -> dict[str, float]:
    world = ivg.simulate.discrete(3, 3, seed=seed, edge_probability=0.7)
    frame = world.sample_regimes(world.standard_regimes(rows // 4), seed=seed + 10_000)
    # Levels are labels here: all parents of an action may then act together on its confounder's law.
    frame[list(world.actions)] = frame[list(world.actions)].map(_label)
    data = ivg.RegimeData.from_frame(frame, outcome=world.outcome, actions=list(world.actions))
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ivg.InterventionModel().fit(data, draws=draws, cores=1, seed=seed, progressbar=False)
        parts = [_score(fit, frame, world, pair) for pair in combinations(world.actions, 2)]
    table = pd.concat(parts)
    result = {"coverage": float(table["inside"].mean()), "sd_truth": float(table["truth"].std())}
    for name in ("respond", "hold", "added"):
        result[f"excess_{name}"] = _rms(table[name] - table["truth"])
    return result | {"seconds": time.perf_counter() - start}


def _score(fit: ivg.Fit, frame: pd.DataFrame, world: DiscreteSCM, pair: tuple[str, ...]) -> pd.DataFrame:
    table = marginal(world, pair)
    table[list(pair)] = table[list(pair)].map(_label)
    _answer(table, fit.effect(do=table[list(pair)], rest="respond"))
    table["hold"] = fit.effect(do=table[list(pair)], rest="hold").summary()["mean"].to_numpy()
    table["added"] = _added(frame, pair, table)
    return table


def driven_world(seed: int) -> DiscreteSCM:
    """Three actions and x, the first cause of two of them or more, in a random order; all with 3 levels."""
    for attempt in range(100):
        world = ivg.simulate.discrete(4, 3, seed=1000 * attempt + seed, edge_probability=0.7)
        driven = {name: sum(name in found for found in world.parents.values()) for name in world.actions}
        causes = [name for name in world.actions if not world.parents[name] and driven[name] > 1]
        if causes:
            break
    new = {name: "x" if name == causes[0] else f"b{k}" for k, name in enumerate(world.actions)}
    parents = {new[name]: tuple(new[parent] for parent in found) for name, found in world.parents.items()}
    return replace(world, actions=tuple(new.values()), parents=parents)


def seasonal_rows(world: DiscreteSCM, rows: int, seed: int) -> pd.DataFrame:
    """Rows of obs and the single tests, each regime with its own law of x: it may decide when a test is run."""
    rng = np.random.default_rng(seed)
    regimes = ["obs", *(f"do({name})" for name in world.actions if name != "x")]
    tables = []
    for label in regimes:
        n = rows // len(regimes)
        drawn = world.sample(6 * n, label, seed=seed)
        chance = rng.uniform(0.25, 1.0, 3)[drawn["x"].astype(int)]
        tables.append(drawn[rng.random(len(drawn)) < chance].head(n).assign(regime=label))
    frame = pd.concat(tables, ignore_index=True)
    frame[list(world.actions)] = frame[list(world.actions)].map(_label)
    return frame


def one_world_with_x(seed: int, rows: int, draws: int) -> dict[str, float]:
    world = driven_world(seed)
    actions = [name for name in world.actions if name != "x"]
    frame = seasonal_rows(world, rows, seed + 10_000)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits = [
            ivg.InterventionModel().fit(
                ivg.RegimeData.from_frame(frame, outcome=world.outcome, actions=actions, covariates=covariates),
                draws=draws,
                cores=1,
                seed=seed,
                progressbar=False,
            )
            for covariates in (["x"], [])
        ]
        parts = [_score_with_x(fits[0], fits[1], frame, world, pair) for pair in combinations(actions, 2)]
    fixed, averaged = (pd.concat([part[i] for part in parts]) for i in (0, 1))
    result = {"coverage": float(fixed["inside"].mean()), "coverage_averaged": float(averaged["inside"].mean())}
    result["coverage_without"] = float(averaged["inside_without"].mean())
    result |= {f"excess_{name}": _rms(fixed[name] - fixed["truth"]) for name in ("respond", "added")}
    names = {"respond": "averaged", "added": "added_averaged", "without": "without"}
    result |= {f"excess_{label}": _rms(averaged[name] - averaged["truth"]) for name, label in names.items()}
    spreads = {"sd_truth": float(fixed["truth"].std()), "sd_truth_averaged": float(averaged["truth"].std())}
    return result | spreads | {"seconds": time.perf_counter() - start}


def _score_with_x(
    fit: ivg.Fit, bare: ivg.Fit, frame: pd.DataFrame, world: DiscreteSCM, pair: tuple[str, ...]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of the effects at fixed x, and of their averages over x in all rows."""
    table = marginal(world, pair, by=("x",))
    table[[*pair, "x"]] = table[[*pair, "x"]].map(_label)
    table["added"] = _added(frame, pair, table, by=("x",))
    weight = table["x"].map(frame["x"].value_counts(normalize=True))
    averaged = table.assign(truth=weight * table["truth"], added=weight * table["added"])
    averaged = averaged.groupby(list(pair))[["truth", "added"]].sum().reset_index()
    _answer(table, fit.effect(do=table[list(pair)], covariates=table[["x"]], rest="respond"))
    _answer(averaged, fit.effect(do=averaged[list(pair)], rest="respond"))
    without = averaged[["truth"]].copy()
    _answer(without, bare.effect(do=averaged[list(pair)], rest="respond"))
    return table, averaged.assign(without=without["respond"], inside_without=without["inside"])


def _answer(table: pd.DataFrame, estimate: ivg.Estimate) -> None:
    summary = estimate.summary(0.9)
    table["respond"] = summary["mean"].to_numpy()
    table["inside"] = summary["lower"].to_numpy() <= table["truth"]
    table["inside"] &= table["truth"] <= summary["upper"].to_numpy()


def _added(frame: pd.DataFrame, pair: tuple[str, ...], at: pd.DataFrame, by: tuple[str, ...] = ()) -> np.ndarray:
    """Means of the single tests added up, less those of the observational rows; in cells of x where it is named."""
    observed = frame[frame["regime"] == "obs"]
    means = {a: frame[frame["regime"] == f"do({a})"].groupby([a, *by])["y"].mean() for a in pair}
    if not by:
        return sum(means[a].reindex(at[a]).to_numpy() for a in pair) - observed["y"].mean()
    single = sum(means[a].reindex(pd.MultiIndex.from_frame(at[[a, *by]])).to_numpy() for a in pair)
    return single - observed.groupby(list(by))["y"].mean().reindex(at[by[0]]).to_numpy()


def _rms(error: pd.Series) -> float:
    return float(np.sqrt(np.mean(error**2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=("plain", "covariates"), default="plain")
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=220)
    parser.add_argument("--rows", type=int, default=20_000, help="rows in all")
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    seeds = range(args.first_seed, args.first_seed + args.worlds)
    score = one_world if args.case == "plain" else one_world_with_x
    found = Parallel(n_jobs=args.jobs)(delayed(score)(seed, args.rows, args.draws) for seed in seeds)
    table = pd.DataFrame(found)
    case = "" if args.case == "plain" else f" with {args.case}"
    print(f"respond{case}, {args.rows:,} rows, {args.worlds} worlds")
    print(pd.DataFrame({"mean": table.mean(), "se": table.sem()}).round(3).to_string())


if __name__ == "__main__":
    main()
