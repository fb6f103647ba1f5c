"""Channels that are always tested together: blocks of actions with a common confounder.

The world is simulated and its joint effect is known exactly. a1 and a3 share a confounder, drive and are driven by
a2, and were only ever set together. Taken one at a time their effects are not identified; the joint effect is.

    python examples/blocks.py
"""

import numpy as np

import bayes_ivgen as ivg

ACTIONS = ["a1", "a2", "a3"]


def main(rows: int = 4000, draws: int = 400) -> dict[str, float]:
    """Print what is identified, the error of the joint effect, and a refusal with its reason."""
    world = ivg.simulate.structured(3, seed=2, blocks=[["a1", "a3"]], edge_probability=1.0)
    table = world.sample_regimes(dict.fromkeys(["obs", "do(a1,a3)", "do(a2)"], rows), seed=0)
    data = ivg.RegimeData.from_frame(table, outcome="y", actions=ACTIONS)
    print(data.identified(blocks=[["a1", "a3"]]))
    points = world.sample(500, "do(a1,a2,a3)", seed=1)[ACTIONS]
    truth = world.effect(points)
    fit = ivg.InterventionModel(blocks=[["a1", "a3"]]).fit(data, draws=draws, seed=0, cores=1)
    errors = {
        "blocks": fit.effect(do=points, extrapolate=True).summary()["mean"] - truth,
        "reading obs rows": fit.effect(given=points, extrapolate=True).summary()["mean"] - truth,
    }
    errors = {name: float(np.sqrt(np.mean(error**2))) for name, error in errors.items()}
    print(f"Joint effect of three actions, {len(table):,} rows; standard deviation of the truth {truth.std():.2f}")
    for name, error in errors.items():
        print(f"  error, {name:<20}{error:6.2f}")
    try:
        fit.effect(do={"a1": 1.0}, given={"a2": 0.0, "a3": 0.0})
    except ivg.errors.QueryError as error:
        print(f"Refused: {error}")
    return errors


if __name__ == "__main__":
    main()
