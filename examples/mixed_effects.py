"""Three readings of "set tv, leave the rest": the same fit, three different answers, the truth beside.

In a simulated media mix web reacts to tv, social to web and radio, and every spend follows a demand that is not
recorded. What do sales become at a given tv spend?

- respond: web and social react to tv as they always do; radio stays as it is;
- hold: the experimenter also sets the others, to the values they had;
- given: tv is set and the others happen to be *seen* at typical values, which tells about demand.

    python examples/mixed_effects.py
"""

import argparse
import warnings

import numpy as np
import pandas as pd

import bayes_ivgen as ivg
from bayes_ivgen.simulate import MediaMixSCM, media_mix

SPENDS = (20.0, 50.0, 110.0)


def truths(world: MediaMixSCM, spend: float, seen: dict[str, float], n: int = 100_000) -> dict[str, float]:
    """Answer the three questions from the world itself."""
    channels = list(world.actions)
    natural = world.sample(n, "obs", seed=1)[channels].to_numpy()
    values = natural.copy()
    values[:, channels.index("tv")] = spend
    for name in ("web", "social"):  # given its causes a spend is log-normal around a centre, which moves with them
        k = channels.index(name)
        values[:, k] = natural[:, k] * np.exp(world._centre(k, values) - world._centre(k, natural))
    responding = world.effect(values, do=["tv"]).mean()
    held = natural.copy()
    held[:, channels.index("tv")] = spend
    point = pd.DataFrame([{"tv": spend, **seen}])[channels]
    return {
        "respond": float(responding),
        "hold": float(world.effect(held).mean()),
        "given": float(world.effect(point, do=["tv"])[0]),
    }


def main(rows: int = 1500, draws: int = 500, chains: int = 4, seed: int = 0) -> pd.DataFrame:
    """Print estimate and truth of each reading at three spends."""
    world = media_mix(4, seed=1)
    channels = list(world.actions)
    table = world.sample_regimes(world.standard_regimes(rows), seed=seed)
    data = ivg.RegimeData.from_frame(table, outcome="sales", actions=channels)
    fit = ivg.InterventionModel().fit(data, draws=draws, chains=chains, seed=seed)
    seen = table[table["regime"] == "obs"][channels[1:]].median().to_dict()
    found = []
    for spend in SPENDS:
        exact = truths(world, spend, seen)
        for reading, estimate in {
            "respond": fit.effect(do={"tv": spend}, rest="respond"),
            "hold": fit.effect(do={"tv": spend}, rest="hold"),
            "given": fit.effect(do={"tv": spend}, given=seen),
        }.items():
            row = estimate.summary().iloc[0]
            found.append({"tv": spend, "reading": reading, "truth": exact[reading], **row[["mean", "lower", "upper"]]})
    result = pd.DataFrame(found)
    print(result.round(1).to_string(index=False))
    print(fit.effect(do={"tv": SPENDS[-1]}, rest="respond").sentence())
    print(fit.check_calibration(data, "tv").sentence())
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compare the three readings of setting one channel.")
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ivg.errors.ConvergenceWarning)
        main(**vars(parser.parse_args()))
