"""Curves held from decreasing where the truth rises, levels off, or is flat: bias and coverage of effects and gains.

python benchmarks/monotone.py --worlds 30

Two actions with additive confounding, 300 rows of obs and of each single test; the outcome rises with tv as
10 tanh(a / 30), which is nearly flat above 75, and does not depend on web at all. Reported are bias, coverage and width
of 90 % intervals of joint effects, and of gains from one value to another, with free and with monotone curves.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
import pandas as pd

import bayes_ivgen as ivg

ROWS = 300
PAIRS = {"web, no effect, 5 to 95": ("web", 5.0, 95.0), "web, no effect, 30 to 70": ("web", 30.0, 70.0),
         "tv, rising, 20 to 40": ("tv", 20.0, 40.0), "tv, nearly flat, 75 to 95": ("tv", 75.0, 95.0)}  # fmt: skip


def truth(action: str, value: float) -> float:
    return float(10 * np.tanh(value / 30)) if action == "tv" else 0.0


def rows(seed: int) -> ivg.RegimeData:
    rng, frames = np.random.default_rng(seed), {}
    for regime in ("obs", "do(tv)", "do(web)"):
        demand, values = rng.normal(size=(ROWS, 2)), rng.uniform(0, 100, (ROWS, 2))
        for k, action in enumerate(("tv", "web")):
            if regime != f"do({action})":
                values[:, k] = np.clip(50 + 20 * demand[:, k] + 10 * rng.normal(size=ROWS), 0, 100)
        sales = 10 * np.tanh(values[:, 0] / 30) + 5 * demand.sum(axis=1) + 8 * rng.normal(size=ROWS)
        frames[regime] = pd.DataFrame({"tv": values[:, 0], "web": values[:, 1], "sales": sales})
    return ivg.RegimeData.from_frames(frames, outcome="sales", actions=["tv", "web"])


def one_world(seed: int) -> list[dict[str, Any]]:
    data, found = rows(seed), []
    for monotone in (False, True):
        model = ivg.InterventionModel(graph="empty", causal=ivg.BSpline(monotone=monotone))
        fit = model.fit(data, draws=250, chains=2, seed=seed, cores=1, progressbar=False)
        asked = {}
        for name, (action, low, high) in PAIRS.items():
            ends = ({"tv": 50.0, "web": 50.0, action: value} for value in (high, low))
            asked[f"gain of {name}"] = (fit.contrast(*ends), truth(action, high) - truth(action, low))
        for web in (10.0, 50.0, 90.0):
            asked[f"effect at tv=50, web={web:g}"] = (fit.effect(do={"tv": 50.0, "web": web}), truth("tv", 50.0))
        for name, (estimate, true) in asked.items():
            row = estimate.summary(0.9).iloc[0]
            inside = row["lower"] <= true + 1e-6 and true - 1e-6 <= row["upper"]
            found.append({"asked": name, "curves": "monotone" if monotone else "free", "bias": row["mean"] - true,
                          "coverage": float(inside), "width": row["upper"] - row["lower"]})  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=30)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    table = pd.DataFrame([line for seed in range(args.worlds) for line in one_world(seed)])
    grouped = table.groupby(["asked", "curves"], sort=False)
    mean, sem = grouped.mean(), grouped.sem()
    print((mean.map("{:.3g}".format) + " ± " + sem.map("{:.2g}".format)).to_string())


if __name__ == "__main__":
    main()
