"""Predict the light of two lamps that were set together, from rows in which they never were.

The rows are measurements of a real optical device, the light tunnel of the Causal Chambers (Gamella, Peters
and Bühlmann 2025, doi 10.1038/s42256-024-00964-x, CC BY 4.0): the LED levels ``red`` and ``green`` and a light
sensor, ``vis_1``. The mechanism and every measurement are real. The policy is emulated: rows were kept with
known probabilities so that ``red`` follows a hidden setting and ``green`` follows ``red``.

Run it with the path of the file; it is not part of this package:

    python examples/light_tunnel.py light_tunnel.csv

The command line does the same; --predicted measures the error of the table that it writes:

    bayes-ivgen check light_tunnel.csv --outcome vis_1 --actions red,green --exclude "do(red,green)"
    bayes-ivgen fit light_tunnel.csv --outcome vis_1 --actions red,green --exclude "do(red,green)" \\
        --seed 0 --out lt.zarr
    bayes-ivgen effect lt.zarr --queries light_tunnel.csv --out predicted.csv
    python examples/light_tunnel.py light_tunnel.csv --predicted predicted.csv

With --left-out each regime in turn is left out of a fit and predicted by the other three, whose rows identify it:

    python examples/light_tunnel.py light_tunnel.csv --left-out --seed 0
"""

import argparse

import numpy as np
import pandas as pd

import bayes_ivgen as ivg

OUTCOME, ACTIONS, JOINT = "vis_1", ["red", "green"], "do(red,green)"


def cell_error(joint: pd.DataFrame, predicted: np.ndarray) -> float:
    """Root mean square over 3 x 3 tercile cells of mean observed minus mean predicted outcome."""
    cells = [pd.qcut(joint[action], 3, labels=False) for action in ACTIONS]
    gaps = (joint[OUTCOME] - predicted).groupby(cells).mean()
    return float(np.sqrt((gaps**2).mean()))


def fit_without_joint(path: str, seed: int, draws: int) -> ivg.Fit:
    """Fit the model to all rows but those in which both lamps were set."""
    data = ivg.RegimeData.from_csv(path, outcome=OUTCOME, actions=ACTIONS, exclude=[JOINT])
    return ivg.InterventionModel().fit(data, draws=draws, seed=seed)


def regression(rows: pd.DataFrame, queries: pd.DataFrame) -> np.ndarray:
    """Ridge regression on all cubic terms: a reading that does not know of regimes."""

    def features(frame: pd.DataFrame) -> np.ndarray:
        red, green = (frame[action].to_numpy() / 85 for action in ACTIONS)
        return np.column_stack([red**i * green**j for i in range(4) for j in range(4 - i)])

    design = features(rows)
    gram = design.T @ design + 1e-6 * len(rows) * np.eye(design.shape[1])
    return features(queries) @ np.linalg.solve(gram, design.T @ rows[OUTCOME].to_numpy())


def left_out(path: str, seed: int = 0, draws: int = 1000) -> pd.DataFrame:
    """Print how well each regime is predicted by fits that have not seen it, with binomial errors."""
    data = ivg.RegimeData.from_csv(path, outcome=OUTCOME, actions=ACTIONS)
    fit = ivg.InterventionModel().fit(data, draws=draws, seed=seed)
    table = fit.leave_out(data, draws=draws, seed=seed).summary().drop(columns=["statistic", "threshold", "finding"])
    counts = {regime.label: profile.rows for regime, profile in data.profiles.items()}
    table.insert(0, "rows", [counts[label] for label in table.index])
    table.insert(5, "error", np.sqrt(0.9 * 0.1 / table["rows"]))
    print("Light tunnel: each regime predicted by the other three. Binomial error of the 90 % coverage beside it.")
    print(table.round(3).to_string())
    return table


def main(path: str, seed: int = 0, draws: int = 1000, predicted: str | None = None) -> dict[str, float]:
    """Print the cell error of the prediction, and of readings that ignore the regimes."""
    rows = pd.read_csv(path)
    joint = rows[rows["regime"] == JOINT].reset_index(drop=True)
    rest = rows[rows["regime"] != JOINT]
    if predicted is not None:
        table = pd.read_csv(predicted)
        ours = table.loc[table["regime"] == JOINT, "mean"].to_numpy()
    else:
        ours = fit_without_joint(path, seed, draws).effect(do=joint[ACTIONS]).summary()["mean"].to_numpy()
    errors = {
        "bayes-ivgen, without joint rows": cell_error(joint, ours),
        "cubic regression on all other rows": cell_error(joint, regression(rest, joint)),
        "cubic regression on obs rows": cell_error(joint, regression(rest[rest["regime"] == "obs"], joint)),
        "mean of the obs rows": cell_error(joint, np.full(len(joint), rest[rest["regime"] == "obs"][OUTCOME].mean())),
    }
    print("Light tunnel: the mechanism and the measurements are real, the policy is emulated.")
    print(f"Error over 3 x 3 cells of {len(joint):,} rows of {JOINT} that no fit has seen (raw counts):")
    for name, error in errors.items():
        print(f"  {name:<36}{error:6.0f}")
    return errors


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Predict rows of do(red,green) without having seen any.")
    parser.add_argument("path", help="light_tunnel.csv")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--draws", type=int, default=1000)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--predicted", help="table written by bayes-ivgen effect, instead of a fit")
    what.add_argument("--left-out", action="store_true", help="leave out and predict every regime in turn")
    args = vars(parser.parse_args())
    if args.pop("left_out"):
        left_out(args["path"], args["seed"], args["draws"])
    else:
        main(**args)
