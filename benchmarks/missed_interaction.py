"""How much of an interaction of confounders a fit misses that has seen the actions set together.

python benchmarks/missed_interaction.py

Discrete worlds with two actions, an edge, and theta = 8 / sd(Y) in the model of docs/theory/falsification.md
(sensitivity). Rows of obs and both singles, without and with do(a1,a2), `rows` each. Printed: root mean square over
cells of E[Y | do(a1,a2)] less its posterior mean, as a share of that of the shift. 1 without do(a1,a2) is the theorem;
kappa, the share that the plug-in of least norm misses with do(a1,a2), is 0.25.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace

import numpy as np

import bayes_ivgen as ivg
from bayes_ivgen.simulate import DiscreteSCM

THETA = 8.0
LEVELS = "abc"


def with_interaction(world: DiscreteSCM) -> tuple[DiscreteSCM, np.ndarray]:
    """Add theta (f_1 - h_1)(f_2 - h_2); return the world and the shift -c_1 * -c_2 * theta at each cell."""
    joint = world.joint_law("obs")
    left, biases = [], []
    for k in (0, 1):
        given = joint.sum(axis=3 - k)
        given = given / given.sum(axis=-1, keepdims=True)
        f = world.outcome_mean[:, 0, :, 0][:, None, :] if k == 0 else world.outcome_mean[0, :, 0, :][None, :, :]
        h = (f * given).sum(axis=-1, keepdims=True)
        left.append(np.broadcast_to(f - h, given.shape))
        biases.append(h[..., 0] - f @ world.confounder_law.sum(axis=1 - k))
    term = THETA * left[0][..., :, None] * left[1][..., None, :]
    return replace(world, outcome_mean=world.outcome_mean + term), THETA * biases[0] * biases[1]


def missed(world: DiscreteSCM, shift: np.ndarray, rows: int, *more: str) -> float:
    frame = world.sample_regimes({**world.standard_regimes(rows), **dict.fromkeys(more, rows)}, seed=0)
    for name in world.actions:
        frame[name] = np.array(list(LEVELS))[frame[name].astype(int)]
    data = ivg.RegimeData.from_frame(frame, outcome="y", actions=list(world.actions))
    model = ivg.InterventionModel(graph=ivg.ActionGraph(world.parents))
    fit = model.fit(data, draws=100, chains=2, tune=100, cores=1, seed=0, progressbar=False)
    truth = world.law("do(a1,a2)")["mean"].to_numpy()
    cells = {"a1": list(np.repeat(list(LEVELS), 3)), "a2": list(LEVELS) * 3}
    error = truth - fit.effect(do=cells).draws.values.mean(axis=(0, 1))
    return float(np.linalg.norm(error) / np.linalg.norm(shift))


def main(worlds: int, rows: int) -> None:
    warnings.simplefilter("ignore", ivg.errors.IvgenWarning)
    for seed in range(40, 40 + worlds):
        world, shift = with_interaction(ivg.simulate.discrete(2, 3, seed=seed, edge_probability=1.0))
        without, seen = (missed(world, shift, rows, *more) for more in ((), ("do(a1,a2)",)))
        size = np.sqrt(np.mean(shift**2))
        print(f"world {seed}: shift {size:.2f}; missed without do(a1,a2) {without:.2f}, with it {seen:.2f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Share of an interaction that a fit misses.")
    parser.add_argument("--worlds", type=int, default=4)
    parser.add_argument("--rows", type=int, default=20_000)
    main(**vars(parser.parse_args()))
