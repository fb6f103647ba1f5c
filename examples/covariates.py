"""A season that moves budgets and sales: the joint effect with a covariate.

The world is simulated and its effects are known exactly. The covariate x moves all actions and the outcome, so that
leaving it out makes the actions tell about each other's confounders. It also predicts the confounders, so that the
effects of the actions depend on it: its role is "causal".

    python examples/covariates.py
"""

import numpy as np

import bayes_ivgen as ivg

ACTIONS = ["a1", "a2", "a3"]


def main(rows: int = 3000, draws: int = 250) -> dict[str, float]:
    """Print the error of the joint effect with and without the covariate, and effects at two of its values."""
    world = ivg.simulate.structured(3, seed=4, covariate=1.0, predicts=0.5)
    table = world.sample_regimes(world.standard_regimes(rows), seed=0)
    points = world.sample(500, "do(a1,a2,a3)", seed=1)[ACTIONS]
    truth = world.averaged_effect(points, table["x"])
    errors, fits = {}, {}
    for name, covariates in (("with x", ["x"]), ("without x", [])):
        data = ivg.RegimeData.from_frame(table, outcome="y", actions=ACTIONS, covariates=covariates)
        roles = {"x": "causal"} if covariates else None
        fits[name] = ivg.InterventionModel(covariates=roles).fit(data, draws=draws, seed=0, cores=1)
        mean = fits[name].effect(do=points, extrapolate=True).summary()["mean"]
        errors[name] = float(np.sqrt(np.mean((mean - truth) ** 2)))
    print(f"Joint effect of three actions, {len(table):,} rows; standard deviation of the truth {truth.std():.2f}")
    for name, error in errors.items():
        print(f"  error {name:<12}{error:6.2f}")
    do = {"a1": 1.0, "a2": 1.0, "a3": 1.0}
    print(fits["with x"].effect(do=do).sentence())
    for x in (-1.0, 1.0):
        exact = world.effect_at([[1.0, 1.0, 1.0]], x)[0]
        print(fits["with x"].effect(do=do, covariates={"x": x}).sentence(), f"The truth is {exact:.3g}.")
    return errors


if __name__ == "__main__":
    main()
