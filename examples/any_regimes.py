"""No history, no complete set of single tests: what three odd experiments identify, and what joint rows add.

There are rows of do(a1), do(a1,a2) and do(a1,a3) only: nobody watched a1 without setting it. The joint effect is
identified all the same, because its row of indicators is a sum of those at hand:
(1; 1,1,1) = (1; 1,1,0) + (1; 1,0,1) - (1; 1,0,0).

    python examples/any_regimes.py
"""

import argparse
import warnings

import numpy as np
import pandas as pd

import bayes_ivgen as ivg

REGIMES = ("do(a1)", "do(a1,a2)", "do(a1,a3)")
JOINT = "do(a1,a2,a3)"


def main(rows: int = 4000, joint_rows: int = 500, draws: int = 500, seed: int = 3) -> pd.DataFrame:
    """Print what is identified and the error of the joint effect, without and with joint rows."""
    world = ivg.simulate.structured(3, seed)
    actions = list(world.actions)
    frame = world.sample_regimes(dict.fromkeys(REGIMES, rows), seed=seed)
    queries = world.sample(500, regime=JOINT, seed=seed + 1)[actions]
    truth = world.effect(queries.to_numpy())
    names = {"outcome": world.outcome, "actions": actions}
    more = pd.concat([frame, world.sample_regimes({JOINT: joint_rows}, seed=seed + 2)])
    found = {}
    for what, table in (("three odd experiments", frame), (f"and {joint_rows} joint rows", more)):
        data = ivg.RegimeData.from_frame(table, **names)
        if not found:
            print(data.identified().to_string(), "\n")
        fit = ivg.InterventionModel().fit(data, draws=draws, seed=seed, progressbar=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ivg.errors.SupportWarning)
            summary = fit.effect(do=queries).summary(0.9)
        error = summary["mean"].to_numpy() - truth
        inside = (summary["lower"].to_numpy() <= truth) & (truth <= summary["upper"].to_numpy())
        found[what] = {"error (rms)": float(np.sqrt(np.mean(error**2))), "coverage of 90 %": float(inside.mean())}
    result = pd.DataFrame(found).T
    result["sd of the truth"] = truth.std()
    print(result.round(4).to_string())
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=3)
    main(seed=parser.parse_args().seed)
