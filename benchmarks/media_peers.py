"""Our fit and pymc-marketing's MMM on the same weeks: the change of sales when all channels move together.

python benchmarks/media_peers.py --peer-python ENVIRONMENT/bin/python --worlds 8 --first-seed 500 --chains 2

Rows are those of `simulate.media_series`: planners spend where demand is, spends carry over and saturate, each channel
is set by experiment in some geos for 16 weeks, a new spend every 4. Our fit chooses the carry-over by marginal
likelihood; its second line takes weeks as independent, its third does so with rows weighted by
`fit.independent_share`. Each world has 20 random combinations of steady spends inside the tested ranges; the question
is how mean sales differ from those at the median spends of the history.

pymc-marketing runs in an environment of its own (``uv venv ENVIRONMENT; uv pip install --python
ENVIRONMENT/bin/python pymc-marketing nutpie pyarrow``), without and with lift tests. A lift test of a channel is the
difference of mean sales, season and trend taken out, between the lower and the upper third of the steady spends in its
experiment, with its standard error; only weeks in which the carry-over comes from set weeks count (the true carry-over
is used for this, which favours the MMM).

Columns: root mean square error over the combinations, share of truths inside 90 % intervals, mean width of these, sd
of the truth. Seeds of 100 and more were not used for any choice.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import bayes_ivgen as ivg
from bayes_ivgen.simulate.media_series import CYCLE, MediaSeriesSCM

QUERIES = 20
LEAST_SET = 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", type=Path, help="interpreter with pymc-marketing; without it our fit alone")
    parser.add_argument("--worlds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--geos", type=int, default=20)
    parser.add_argument("--weeks", type=int, default=104)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--draws", type=int, default=500, help="of a chain of the MMM; as many to tune")
    parser.add_argument("--chains", type=int, default=4, help="of the MMM")
    args = parser.parse_args()
    warnings.simplefilter("ignore", ivg.errors.IvgenWarning)
    found = []
    for seed in range(args.first_seed, args.first_seed + args.worlds):
        latest = one_world(seed, args)
        found += latest
        print(pd.DataFrame(latest).round(2).to_string(index=False), flush=True)
    table = pd.DataFrame(found).drop(columns="seed").groupby("method", sort=False)
    summary = table.mean(numeric_only=True)
    summary["sem rmse"] = table["rmse"].std() / np.sqrt(args.worlds)
    summary["sem coverage"] = table["coverage"].std() / np.sqrt(args.worlds)
    print(f"\n{args.worlds} worlds, {args.geos} geos, {args.weeks} weeks, {args.channels} channels")
    print(summary.round(3).to_string())


def one_world(seed: int, args: argparse.Namespace) -> list[dict[str, float | str]]:
    world = ivg.simulate.media_series(args.channels, seed=seed)
    rows = world.sample(args.geos, args.weeks, test_weeks=16, rest_weeks=16, hold=4, seed=seed)
    reference = rows.loc[rows["regime"] == "obs", list(world.actions)].median()
    rng = np.random.default_rng(seed)
    low, high = np.log(np.array([tested(rows, action) for action in world.actions])).T
    spends = np.exp(rng.uniform(low, high, (QUERIES, len(world.actions))))
    queries = pd.DataFrame(np.vstack([spends, reference]), columns=list(world.actions))
    truth = world.effect(queries)
    answers = ours(rows, world, queries)
    if args.peer_python is not None:
        answers |= theirs(rows, world, queries, args, seed)
    found = []
    for name, (draws, seconds, r_hat) in answers.items():
        change, expected = draws[:, :-1] - draws[:, -1:], truth[:-1] - truth[-1]
        lower, upper = np.quantile(change, [0.05, 0.95], axis=0)
        found.append(
            {
                "seed": seed,
                "method": name,
                "rmse": float(np.sqrt(np.mean((change.mean(axis=0) - expected) ** 2))),
                "coverage": float(np.mean((lower <= expected) & (expected <= upper))),
                "width": float(np.mean(upper - lower)),
                "sd of truth": float(expected.std()),
                "seconds": seconds,
                "r_hat": r_hat,
            }
        )
    return found


def tested(rows: pd.DataFrame, action: str) -> np.ndarray:
    """Return the 10th and 90th percentile of the set spends, smoothed over weeks as carry-over does."""
    inside = rows[rows["regime"] == f"do({action})"]
    smooth = inside.groupby("geo")[action].rolling(4).mean().dropna()
    return smooth.quantile([0.1, 0.9]).to_numpy()


def ours(
    rows: pd.DataFrame, world: MediaSeriesSCM, queries: pd.DataFrame
) -> dict[str, tuple[np.ndarray, float, float]]:
    """Fit with chosen carry-over: as it is, with weeks as independent rows, and with these weighted."""
    table = rows.join(ivg.media.seasonality(rows["week"], period=CYCLE, order=1)).join(ivg.media.trend(rows["week"]))
    names = [name for name in table if name not in rows]
    columns = {"outcome": "sales", "actions": list(world.actions), "covariates": names, "time": "week", "unit": "geo"}
    carry = {action: ivg.media.Adstock(l_max=world.l_max) for action in world.actions}
    model = ivg.InterventionModel(transforms=carry, covariates=dict.fromkeys(names, "confounding"))
    data = ivg.RegimeData.from_frame(table, **columns)
    start = time.perf_counter()
    fit = model.fit(data, seed=0, progressbar=False)
    seconds = time.perf_counter() - start
    weighted = ivg.RegimeData.from_frame(table.assign(share=fit.row_worth), **columns, weights="share")
    fits = {
        "bayes-ivgen": (fit, seconds),
        "bayes-ivgen, rows independent": (fit.with_row_worth(1.0), seconds),
        "bayes-ivgen, rows weighted": (model.fit(weighted, seed=0, progressbar=False, independent_rows=True), np.nan),
    }
    return {
        name: (
            one.effect(do=queries, extrapolate=True).draws.values.reshape(-1, len(queries)),
            took,
            float(one.diagnostics.loc["effects", "r_hat"]),
        )
        for name, (one, took) in fits.items()
    }


def theirs(
    rows: pd.DataFrame, world: MediaSeriesSCM, queries: pd.DataFrame, args: argparse.Namespace, seed: int
) -> dict[str, tuple[np.ndarray, float, float]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows.to_parquet(folder / "rows.parquet")
        queries.to_csv(folder / "queries.csv", index=False)
        lift_tests(rows, world).to_csv(folder / "lift_tests.csv", index=False)
        settings = {"channels": list(world.actions), "l_max": world.l_max, "cycle": CYCLE, "seed": seed}
        settings |= {"draws": args.draws, "tune": args.draws, "chains": args.chains, "cores": args.chains}
        (folder / "settings.json").write_text(json.dumps(settings))
        script = Path(__file__).with_name("media_peer_mmm.py")
        subprocess.run([args.peer_python, script, folder], check=True)
        draws, said = np.load(folder / "mmm.npz"), json.loads((folder / "mmm.json").read_text())
        return {name: (draws[name], said[name]["seconds"], said[name]["r_hat"]) for name in draws.files}


def lift_tests(rows: pd.DataFrame, world: MediaSeriesSCM) -> pd.DataFrame:
    """Summarise the experiments as an analyst would who knows the carry-over."""
    ordered = rows.sort_values(["geo", "week"])
    angle = 2 * np.pi * ordered["week"] / CYCLE
    columns = np.column_stack([np.ones(len(ordered)), np.sin(angle), np.cos(angle), ordered["week"]])
    found = []
    for k, action in enumerate(world.actions):
        weights = world.weights[k]
        steady = smoothed(ordered["geo"], ordered[action], weights)
        is_set = smoothed(ordered["geo"], (ordered["regime"] == f"do({action})").astype(float), weights)
        use = (is_set >= LEAST_SET).to_numpy()
        x, y, controls = steady.to_numpy()[use], ordered["sales"].to_numpy()[use], columns[use]
        rest = y - controls[:, 1:] @ np.linalg.lstsq(controls, y, rcond=None)[0][1:]
        first, last = np.quantile(x, [1 / 3, 2 / 3])
        lower, upper = rest[x <= first], rest[x >= last]
        found.append(
            {
                "channel": action,
                "x": x[x <= first].mean(),
                "delta_x": x[x >= last].mean() - x[x <= first].mean(),
                "delta_y": upper.mean() - lower.mean(),
                "sigma": np.hypot(upper.std(ddof=1) / np.sqrt(len(upper)), lower.std(ddof=1) / np.sqrt(len(lower))),
                "geo": ordered["geo"].iloc[0],
            }
        )
    return pd.DataFrame(found)


def smoothed(geo: pd.Series, values: pd.Series, weights: np.ndarray) -> pd.Series:
    """Weighted mean of each week and those before it, within geos; the weight of the week itself comes first."""
    return values.groupby(geo).transform(
        lambda series: series.rolling(len(weights)).apply(lambda window: window @ weights[::-1], raw=True)
    )


if __name__ == "__main__":
    main()
