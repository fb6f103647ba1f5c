"""Weeks of a media mix: carry-over chosen from the rows, a plan over weeks, and what ignoring carry-over costs.

The world is simulated and its effects are known exactly: demand moves spends and sales and remembers from week to
week, spends carry over and saturate, and experiments set one channel in one geo for 16 weeks.

    python examples/media_mix.py
"""

import warnings

import numpy as np

import bayes_ivgen as ivg

ACTIONS = ["tv", "web"]


def main(geos: int = 40, weeks: int = 104, draws: int = 250) -> dict[str, float]:
    """Print the error of the joint effect with and without carry-over, and the effect of a plan."""
    world = ivg.simulate.media_series(2, seed=5, alpha=[0.6, 0.3])
    rows = world.sample(geos, weeks, test_weeks=16, rest_weeks=16, hold=4, seed=1)
    rows = rows.join(ivg.media.seasonality(rows["week"], order=1))
    roles = {"season_sin_1": "confounding", "season_cos_1": "confounding"}
    data = ivg.RegimeData.from_frame(
        rows, outcome="sales", actions=ACTIONS, covariates=list(roles), time="week", unit="geo"
    )
    grid = ivg.media.Adstock(alpha=[0.0, 0.3, 0.6, 0.9])
    width = np.hypot(world.planning, world.noise)
    points = np.exp(world.log_spend + width * np.random.default_rng(0).uniform(-1, 1, (200, 2)))
    do = dict(zip(ACTIONS, points.T, strict=True))
    truth = world.effect(points, rows["week"])
    errors = {}
    print(f"Joint effect of two channels, {len(rows):,} weeks; standard deviation of the truth {truth.std():.1f}")
    for name, transforms in (("carry-over ignored", None), ("carry-over chosen", dict.fromkeys(ACTIONS, grid))):
        model = ivg.InterventionModel(
            causal=ivg.BSpline(monotone=True), graph="empty", covariates=roles, transforms=transforms
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # few draws
            fit = model.fit(data, draws=draws, chains=2, seed=0, cores=1, progressbar=False)
        error = fit.effect(do=do, extrapolate=True).summary()["mean"] - truth
        errors[name] = float(np.sqrt(np.mean(error**2)))
        print(f"  error, {name}: {errors[name]:.1f}")
    print({action: items[0].alpha for action, items in fit.transforms.items()}, "are the chosen retention rates")
    plan = {"tv": np.repeat([80.0, 20.0], 6), "web": np.full(12, 20.0)}
    print(fit.plan(plan, total=True).sentence())
    return errors


if __name__ == "__main__":
    main()
