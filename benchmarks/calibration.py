"""How often the calibration check notices a violation, and how often it complains without one.

python benchmarks/calibration.py --worlds 40

Discrete worlds with three actions, three levels and all edges. For each number of rows a regime and each violation it
prints the share of checks (three a world) and of worlds (any of the three) with a p-value below 0.01, once on the
rows of the fit and once on as many new rows (``held_out=True``). Binomial standard errors: 0.08 at most for 40 worlds.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np

import bayes_ivgen as ivg

VIOLATIONS: dict[str, dict[str, float]] = {
    "none": {},
    "graph without its edges": {},
    "shared confounder": {"shared_confounder": 1.0},
    "shared noise": {"shared_noise": 1.0},
}


def one_world(violation: str, rows: int, seed: int) -> tuple[list[float], list[float]]:
    world = ivg.simulate.discrete(3, 3, seed=200 + seed, edge_probability=1.0, **VIOLATIONS[violation])
    own, new = (
        ivg.RegimeData.from_frame(
            world.sample_regimes(world.standard_regimes(rows), seed=draw), outcome="y", actions=list(world.actions)
        )
        for draw in (seed, seed + 999)
    )
    edges = {} if violation == "graph without its edges" else world.parents
    model = ivg.InterventionModel(graph=ivg.ActionGraph(edges))
    fit = model.fit(own, draws=100, chains=2, tune=100, cores=1, seed=0, progressbar=False)
    return (
        [fit.check_calibration(own, action).p_value for action in world.actions],
        [fit.check_calibration(new, action, held_out=True).p_value for action in world.actions],
    )


def main(worlds: int, rows: list[int]) -> None:
    warnings.simplefilter("ignore", ivg.errors.IvgenWarning)
    for n in rows:
        for violation in VIOLATIONS:
            found = np.array([one_world(violation, n, seed) for seed in range(worlds)]) < 0.01
            for which, name in enumerate(("rows of the fit", "new rows")):
                checks, any_of_three = found[:, which].mean(), found[:, which].any(axis=1).mean()
                print(
                    f"{n:>6} rows  {violation:<24}{name:<17}checks {checks:.3f}  worlds {any_of_three:.2f}", flush=True
                )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="False alarms and power of the calibration check.")
    parser.add_argument("--worlds", type=int, default=40)
    parser.add_argument("--rows", type=int, nargs="+", default=[500, 5000])
    main(**vars(parser.parse_args()))
