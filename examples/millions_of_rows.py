"""Rows that do not fit in memory, on one machine or on a cluster, and rows that come later or may not leave a machine.

The world is simulated, so that the truth is known. Run it:

    python examples/millions_of_rows.py --rows 600000          # takes about a minute; the last part needs
                                                               # pip install 'bayes-ivgen[cluster]'
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import bayes_ivgen as ivg


def write(world: ivg.simulate.SCM, folder: Path, rows: int, files: int) -> None:
    """Write the rows of all regimes, shuffled, as Parquet files."""
    per_regime = rows // files // (len(world.actions) + 1)
    for i in range(files):
        table = world.sample_regimes(world.standard_regimes(per_regime), seed=i).sample(frac=1.0, random_state=i)
        table.to_parquet(folder / f"{i:03d}.parquet", index=False)


def main(rows: int = 600_000, files: int = 6, draws: int = 500, cluster: bool = True) -> dict[str, float]:
    """Fit files, add a file, add sums of a file that stays elsewhere, sum on a cluster; print effects and seconds."""
    world = ivg.simulate.polynomial(3, seed=4)
    names = {"outcome": "y", "actions": list(world.actions)}
    sampling = {"draws": draws, "seed": 0, "progressbar": False}
    points = world.sample(500, f"do({','.join(world.actions)})", seed=99)[list(world.actions)]
    truth, errors = world.effect(points), {}

    def report(what: str, fit: ivg.Fit, started: float) -> None:
        mean = fit.effect(do=points, extrapolate=True).summary()["mean"]
        errors[what] = float(np.sqrt(np.mean((mean - truth) ** 2)))
        n = int(fit.statistics.rows.sum())
        print(f"{what}: {n:,} rows, {time.perf_counter() - started:.1f} s, error of joint effects {errors[what]:.4f}")

    with tempfile.TemporaryDirectory() as scratch:
        folder, notes = Path(scratch) / "rows", Path(scratch) / "notes"
        folder.mkdir()
        write(world, folder, rows, files)
        *early, late, secret = sorted(folder.glob("*.parquet"))

        # Files are streamed: memory is set by the batch. With a checkpoint an interrupted pass goes on.
        start = time.perf_counter()
        data = ivg.RegimeData.from_parquet(early, **names, checkpoint=notes)
        fit = ivg.InterventionModel().fit(data, checkpoint=notes, **sampling)
        report("first files", fit, start)

        # Rows that come later: the earlier ones are not read again.
        start = time.perf_counter()
        fit = fit.update(ivg.RegimeData.from_parquet(late, **names), **sampling)
        report("with a later file", fit, start)

        # Rows that stay on another machine: only the columns go there, only sums come back.
        start = time.perf_counter()
        design = fit.save_design(Path(scratch) / "design.json")
        there = ivg.RowSummary.of(ivg.RegimeData.from_frame(pd.read_parquet(secret), **names), design)
        fit = fit.update(there.save(Path(scratch) / "sums.zarr"), **sampling)
        report("with rows that stayed elsewhere", fit, start)

        if cluster:
            import dask.dataframe as dd
            from distributed import Client, LocalCluster

            # A cluster of this machine; give Client the address of yours. Rows stay on the workers.
            with (
                LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as local,
                Client(local),
            ):
                start = time.perf_counter()
                on_dask = ivg.RegimeData.from_dask(dd.read_parquet(folder), **names)
                report("all files on Dask", ivg.InterventionModel().fit(on_dask, **sampling), start)
    return errors


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=600_000)
    parser.add_argument("--no-cluster", action="store_true")
    args = parser.parse_args()
    main(args.rows, cluster=not args.no_cluster)
