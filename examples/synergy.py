"""Two channels that help each other: the joint effect with an interaction among the actions.

The world is simulated and its joint effect is known exactly. No row sets two actions at once. The interaction is
learned from the single tests: where one action is randomised, what its effect does with the others is synergy.

    python examples/synergy.py
"""

import numpy as np

import bayes_ivgen as ivg


def main(rows: int = 3000, draws: int = 400) -> dict[str, float]:
    """Print the error of the joint effect with and without synergy, and one curve."""
    world = ivg.simulate.structured(2, seed=1, synergy=1.0)
    table = world.sample_regimes(world.standard_regimes(rows), seed=0)
    data = ivg.RegimeData.from_frame(table, outcome="y", actions=["a1", "a2"])
    points = world.sample(500, "do(a1,a2)", seed=1)[["a1", "a2"]]
    truth = world.effect(points)
    errors, fits = {}, {}
    for synergy in (True, False):
        fits[synergy] = ivg.InterventionModel(synergy=synergy).fit(data, draws=draws, seed=0, cores=1)
        mean = fits[synergy].effect(do=points, extrapolate=True).summary()["mean"]
        errors[f"synergy={synergy}"] = float(np.sqrt(np.mean((mean - truth) ** 2)))
    print(f"Joint effect of two actions, {len(table):,} rows; standard deviation of the truth {truth.std():.2f}")
    for name, error in errors.items():
        print(f"  error with {name:<16}{error:6.2f}")
    print("The effect of a1 depends on a2. What raising a1 from -1 to 1 does, and the truth:")
    for a2 in (-1.0, 1.0):
        first, second = {"a1": 1.0, "a2": a2}, {"a1": -1.0, "a2": a2}
        step = fits[True].contrast(do=first, versus=second).summary().iloc[0]
        exact = float(np.subtract(*world.effect([[1.0, a2], [-1.0, a2]])))
        print(
            f"  at a2={a2:+.0f}: {step['mean']:5.2f} ({step['lower']:.2f} to {step['upper']:.2f}); truth {exact:5.2f}"
        )
    return errors


if __name__ == "__main__":
    main()
