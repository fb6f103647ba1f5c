"""How often `supported` flags what the rows do tell, and how often it passes what they do not.

python benchmarks/support.py --seeds 10 --first-seed 100

False alarms: joint queries drawn from the set laws of simulated worlds, of which those within the tested ranges count.
Each is *inside* if every action with a child in the graph of the fit takes a value at which it also occurs naturally
(between the third smallest and third largest of all rows that leave it alone): the sufficient condition of theory
notes G, up to clusters, which these worlds do not have. Shares that the check on bins and the share of the prior flag
are given inside and outside, with the standard error over worlds, and the root mean squared errors of what is
supported and of what is flagged, in standard deviations of the outcome. Misses: worlds with a gap, where it is known
which queries the rows determine; a query within one bin of what was seen counts as near.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd

import bayes_ivgen as ivg
from bayes_ivgen.effects import parse_queries
from bayes_ivgen.effects.support import Support
from bayes_ivgen.simulate.scm import SCM

SUITES: dict[str, Callable[..., SCM]] = {
    "polynomial K=3": partial(ivg.simulate.polynomial, n_actions=3),
    "polynomial K=5": partial(ivg.simulate.polynomial, n_actions=5),
    "lognormal K=3": partial(ivg.simulate.linear_lognormal, n_actions=3),
    "lognormal K=5": partial(ivg.simulate.linear_lognormal, n_actions=5),
    "media mix K=4": ivg.simulate.media_mix,
}
ROWS = (1_000, 10_000)
QUERIES = 300
SETTINGS = {"draws": 400, "tune": 300, "chains": 2, "seed": 0, "progressbar": False}


def read(frame: pd.DataFrame, outcome: str, actions: list[str]) -> ivg.RegimeData:
    return ivg.RegimeData.from_frame(frame, outcome=outcome, actions=actions)


def one_world(world: SCM, rows: int, seed: int, graph: str, test_rows: int | None = None) -> dict[str, float]:
    actions = list(world.actions)
    counts = world.standard_regimes(rows // (len(actions) + 1))
    if test_rows is not None:
        counts = {label: n if label == "obs" else test_rows for label, n in counts.items()}
    frame = world.sample_regimes(counts, seed=seed)
    data = read(frame, world.outcome, actions)
    used = ivg.ActionGraph(world.parents) if graph == "known" else "learn"
    fit = ivg.InterventionModel(graph=used).fit(data, **SETTINGS)
    joint = world.sample(QUERIES, ivg.Regime(world.actions), seed=seed + 1)[actions]
    ranges = Support.of(data).check(parse_queries(actions, joint), extrapolate=True)["supported"].to_numpy()
    joint = joint[ranges].reset_index(drop=True)
    table = fit.effect(do=joint, extrapolate=True).summary()
    reason = table["reason"].to_numpy(dtype=str)
    prior = np.char.find(reason, "prior variance") >= 0
    bins = (reason != "") & ~prior
    inside = np.ones(len(joint), dtype=bool)
    for k, action in enumerate(actions):
        if any(action in fit.graph.parents_of(child) for child in actions):
            seen = [p.sample[:, k] for r, p in data.profiles.items() if not r.sets(action)]
            seen = np.sort(np.concatenate(seen))
            inside &= joint[action].between(seen[2], seen[-3]).to_numpy()
    wrong = (table["mean"].to_numpy() - world.effect(joint)) / fit.design.outcome_sd

    def root(where: np.ndarray) -> float:
        return float(np.sqrt(np.mean(wrong[where] ** 2))) if where.any() else np.nan

    def mean(values: np.ndarray) -> float:
        return float(values.mean()) if len(values) else np.nan

    return {
        "inside": mean(inside),
        "bins, inside": mean(bins[inside]),
        "bins, outside": mean(bins[~inside]),
        "prior": mean(prior),
        "rmse supported": root(~bins & ~prior),
        "rmse bins": root(bins),
        "rmse prior": root(prior),
    }


def table_of(items: list[dict[str, float]]) -> dict[str, str]:
    frame = pd.DataFrame(items)
    found = {}
    for name in frame:
        values = frame[name].dropna()
        error = values.std() / np.sqrt(len(values)) if len(values) > 1 else np.nan
        found[name] = "-" if not len(values) else f"{values.mean():.3f} ({error:.3f})"
    return found


def false_alarms(seeds: range) -> Iterator[dict[str, str]]:
    for name, make in SUITES.items():
        for rows in ROWS:
            for graph in ("known", "learn"):
                items = [one_world(make(seed=seed), rows, seed, graph) for seed in seeds]
                yield {"world": name, "rows": f"{rows:,}", "graph": graph, **table_of(items)}
    items = [one_world(SUITES["polynomial K=3"](seed=seed), 4_000, seed, "known", 15) for seed in seeds]
    yield {"world": "polynomial K=3, 15 rows a test", "rows": "1,045", "graph": "known", **table_of(items)}


def tv_off(n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """tv naturally in [1, 2] moves web; its test reaches down to 0. Far: below 0.6; known: from 1."""
    frames = []
    for regime in ("obs", "do(tv)", "do(web)"):
        tv = rng.uniform(0 if regime == "do(tv)" else 1, 2, n)
        web = rng.uniform(0, 3, n) if regime == "do(web)" else 0.5 * tv + rng.uniform(0, 2, n)
        frames.append(pd.DataFrame({"tv": tv, "web": web, "regime": regime}))
    asked = pd.DataFrame({"tv": rng.uniform(0.02, 1.98, QUERIES), "web": rng.uniform(0.1, 2.9, QUERIES)})
    return pd.concat(frames), asked, np.select([asked["tv"] < 0.6, asked["tv"] < 1], [0.0, 0.5], 1.0)


def tv_levels(n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """The same with tv at the levels 0, 1, 2 and web continuous. Far: 0."""
    frames = []
    for regime in ("obs", "do(tv)", "do(web)"):
        tv = rng.integers(0 if regime == "do(tv)" else 1, 3, n).astype(float)
        web = rng.uniform(0, 3, n) if regime == "do(web)" else 0.5 * tv + rng.uniform(0, 2, n)
        frames.append(pd.DataFrame({"tv": tv, "web": web, "regime": regime}))
    asked = pd.DataFrame({"tv": rng.integers(0, 3, QUERIES).astype(float), "web": rng.uniform(0.1, 2.9, QUERIES)})
    return pd.concat(frames), asked, (asked["tv"] > 0).to_numpy(dtype=float)


def clusters(n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """(a0, a1) naturally in [0, 1]^2 or [2, 3]^2, both move a2. Far: one of them low, one high, 0.1 into either."""
    frames = []
    for regime in ("obs", "do(a0)", "do(a1)", "do(a2)"):
        upper = 2 * rng.integers(0, 2, n)
        a0 = rng.uniform(0, 3, n) if regime == "do(a0)" else upper + rng.uniform(0, 1, n)
        a1 = rng.uniform(0, 3, n) if regime == "do(a1)" else 2 * (a0 > 1.5) + rng.uniform(0, 1, n)
        a2 = rng.uniform(0, 6, n) if regime == "do(a2)" else (a0 + a1) / 2 + rng.uniform(0, 3, n)
        frames.append(pd.DataFrame({"a0": a0, "a1": a1, "a2": a2, "regime": regime}))
    asked = pd.DataFrame(rng.uniform(0.05, [2.95, 2.95, 5], (QUERIES, 3)), columns=["a0", "a1", "a2"])
    low, high = (asked[["a0", "a1"]] < 0.9).to_numpy(), (asked[["a0", "a1"]] > 2.1).to_numpy()
    together = low.all(axis=1) | high.all(axis=1)
    apart = (low[:, 0] & high[:, 1]) | (low[:, 1] & high[:, 0])
    return pd.concat(frames), asked, np.select([apart, together], [0.0, 1.0], 0.5)


def band(n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """a1 naturally within 0.4 of a0: a connected band, so that all of the box is known."""
    frames = []
    for regime in ("obs", "do(a0)", "do(a1)"):
        a0 = rng.uniform(0, 3, n)
        a1 = rng.uniform(0, 3, n) if regime == "do(a1)" else np.clip(a0 + rng.uniform(-0.4, 0.4, n), 0, 3)
        frames.append(pd.DataFrame({"a0": a0, "a1": a1, "regime": regime}))
    asked = pd.DataFrame(rng.uniform(0.05, 2.95, (QUERIES, 2)), columns=["a0", "a1"])
    return pd.concat(frames), asked, np.ones(QUERIES)


def misses(seeds: range) -> Iterator[dict[str, str]]:
    graphs = {
        tv_off: {"web": ["tv"]},
        tv_levels: {"web": ["tv"]},
        clusters: {"a1": ["a0"], "a2": ["a0", "a1"]},
        band: {"a1": ["a0"]},
    }
    for make, parents in graphs.items():
        for rows in ROWS:
            items = []
            for seed in seeds:
                rng = np.random.default_rng(seed)
                frame, asked, known = make(rows // (3 + (make is clusters)), rng)
                actions = list(asked)
                data = read(frame.assign(y=frame[actions].sum(axis=1) + rng.normal(size=len(frame))), "y", actions)
                support = Support.of(data, graph=ivg.ActionGraph(parents))
                flagged = ~support.check(parse_queries(actions, asked), extrapolate=True)["supported"].to_numpy()
                kinds = {"not determined": 0.0, "near": 0.5, "determined": 1.0}
                where = {f"flagged, {name}": known == value for name, value in kinds.items()}
                items.append({name: flagged[at].mean() if at.any() else np.nan for name, at in where.items()})
            yield {"world": make.__name__, "rows": f"{rows:,}", **table_of(items)}


def show(lines: Iterator[dict[str, str]]) -> None:
    for i, line in enumerate(lines):
        if i == 0:
            print(f"| {' | '.join(line)} |\n|{'---|' * len(line)}", flush=True)
        print(f"| {' | '.join(line.values())} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="worlds of each kind")
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--part", choices=["all", "misses", "alarms"], default="all")
    args = parser.parse_args()
    warnings.simplefilter("ignore", ivg.errors.IvgenWarning)
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    if args.part != "alarms":
        show(misses(seeds))
    if args.part != "misses":
        show(false_alarms(seeds))


if __name__ == "__main__":
    main()
