"""Orders under two levers that were never set together: counts, the log link, and why not a normal law.

The world is simulated, so that the truth is known: confounders multiply, and orders are a mixed Poisson law. Run it:

    python examples/counts.py

It compiles one model and takes one to two minutes.
"""

import numpy as np

import bayes_ivgen as ivg


def main(rows_per_regime: int = 1000, draws: int = 500) -> dict[str, float]:
    """Fit counts with the negative binomial and with the normal likelihood; print effects beside the truth."""
    world = ivg.simulate.multiplicative(2, seed=1, kind="count", edge_probability=1.0)
    rows = world.sample_regimes(world.standard_regimes(rows_per_regime), seed=1)
    data = ivg.RegimeData.from_frame(rows, outcome="y", actions=["a1", "a2"])

    model = ivg.InterventionModel(likelihood="negative_binomial", link="log")
    fit = model.fit(data, engine="nuts", draws=draws, seed=0, progressbar=False)
    normal = ivg.InterventionModel().fit(data, draws=draws, seed=0, progressbar=False)

    queries = {"a1": [0.0, 0.8, -0.8, 0.8], "a2": [0.0, 0.8, 0.8, -0.8]}
    truth = world.effect(np.column_stack(list(queries.values())))
    table = fit.effect(do=queries).summary(0.9)
    print(table[["a1", "a2", "mean", "lower", "upper"]].assign(truth=truth).round(2).to_string(index=False))

    print(fit.contrast(do={"a1": 0.8}, versus={"a1": -0.8}, rest="hold", kind="ratio").sentence())
    print(fit.confounding_bias("a2", [0.8]).sentence())
    print(fit.outcome(do={"a1": 0.8, "a2": 0.8}).sentence())

    points = world.sample(500, "do(a1,a2)", seed=2)[["a1", "a2"]]
    exact = world.effect(points)
    errors = {
        name: float(np.sqrt(np.mean((one.effect(do=points, extrapolate=True).summary()["mean"] - exact) ** 2)))
        for name, one in (("negative binomial, log link", fit), ("normal, identity link", normal))
    }
    for name, error in errors.items():
        print(f"error of joint effects, {name}: {error:.2f} (their standard deviation is {exact.std():.2f})")
    return errors


if __name__ == "__main__":
    main()
