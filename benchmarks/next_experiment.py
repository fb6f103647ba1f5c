"""Does the predicted fall of the variance happen, and are the experiments ranked as they turn out?

python benchmarks/next_experiment.py --worlds 20
python benchmarks/next_experiment.py --suite media --worlds 20

Worlds with three actions; `rows` rows in each of obs and the three singles are fitted. The questions are joint effects
at 16 combinations of set values. Candidates are obs, all singles and pairs, and the joint regime, `rows` rows each:
`fit.next_experiment` predicts their variance afterwards; brute force draws the rows from the world, `repeats` times,
and takes the variance of the draws of `fit.update`. For each world: Spearman's correlation over the eight candidates;
the ratio of predicted to realised variance (geometric mean); whether the best candidate is the same; by how much the
realised variance of the one that was chosen exceeds the least; the squared error of the posterior mean over its
variance, before, and after the chosen experiment over the predicted one: 1 if both are honest. Over worlds: mean and
standard error.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

import bayes_ivgen as ivg

SUITES = {
    "polynomial": lambda seed: ivg.simulate.polynomial(3, seed=seed),
    "media": lambda seed: ivg.simulate.media_mix(3, seed=seed),
}
QUERIES = 16


def one_world(suite: str, seed: int, rows: int, draws: int, repeats: int) -> dict[str, float]:
    world = SUITES[suite](seed)
    actions = list(world.actions)
    joint = world.sample(QUERIES, f"do({','.join(actions)})", seed=seed + 77)[actions]
    options = {"draws": draws, "cores": 1, "progressbar": False}
    fit = ivg.InterventionModel().fit(_read(world, world.standard_regimes(rows), seed + 10_000), seed=seed, **options)
    start = time.perf_counter()
    predicted = fit.next_experiment({"do": joint}, rows=rows).ranking.set_index("regime")
    seconds = time.perf_counter() - start
    realised, errors, truth = {}, {}, world.effect(joint)
    for label in predicted.index:
        found = []
        for repeat in range(repeats):
            added = _read(world, {label: rows}, seed + 20_000 + 1000 * repeat)
            found.append(fit.update(added, seed=seed + repeat, **options).effect(do=joint, extrapolate=True).summary())
        realised[label] = np.mean([np.mean(table["sd"] ** 2) for table in found])
        errors[label] = np.mean([np.mean((table["mean"] - truth) ** 2) for table in found])
    table = predicted.assign(realised=pd.Series(realised))
    chosen = table.index[0]
    before = fit.effect(do=joint, extrapolate=True).summary()
    return {
        "spearman": float(spearmanr(table["variance_after"], table["realised"]).statistic),
        "predicted_over_realised": float(np.exp(np.mean(np.log(table["variance_after"] / table["realised"])))),
        "same_best": float(chosen == table["realised"].idxmin()),
        "excess_of_chosen": float(table["realised"][chosen] / table["realised"].min() - 1),
        "fall_predicted": float(table["reduction"].iloc[0]),
        "fall_realised": float(1 - table["realised"].iloc[0] / np.mean(before["sd"] ** 2)),
        "error_over_variance_before": float(np.mean((before["mean"] - truth) ** 2) / np.mean(before["sd"] ** 2)),
        "error_over_predicted": errors[chosen] / float(table["variance_after"].iloc[0]),
        "seconds": seconds,
    }


def _read(world: Any, counts: dict[str, int], seed: int) -> ivg.RegimeData:
    frame = world.sample_regimes(counts, seed=seed)
    return ivg.RegimeData.from_frame(frame, outcome=world.outcome, actions=list(world.actions))


def main(suite: str, worlds: int, rows: int, draws: int, repeats: int, first: int) -> None:
    warnings.simplefilter("ignore", ivg.errors.IvgenWarning)
    found = []
    for seed in range(first, first + worlds):
        found.append(one_world(suite, seed, rows, draws, repeats))
        print(f"world {seed}: " + ", ".join(f"{k} {v:.3g}" for k, v in found[-1].items()), flush=True)
    table = pd.DataFrame(found)
    summary = pd.DataFrame({"mean": table.mean(), "se": table.std() / np.sqrt(len(table)), "least": table.min()})
    print(f"\n{suite}, {rows} rows a regime, {len(table)} worlds\n{summary.round(3).to_string()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Predicted and realised fall of the variance.")
    parser.add_argument("--suite", choices=sorted(SUITES), default="polynomial")
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=2)
    main(**vars(parser.parse_args()))
