"""Seconds and size of the report of a fit with four actions, and of each of its pictures alone.

python benchmarks/report.py

The fit (media-mix world, 500 rows a regime, 4 chains of 1000 draws) is not counted. "first" is the first report of a
process, with the imports of matplotlib, jinja2 and arviz-stats; "again" the least of the following ones.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from matplotlib import pyplot as plt

import bayes_ivgen as ivg


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    plt.switch_backend("agg")
    world = ivg.simulate.media_mix(seed=0)
    actions = ["tv", "web", "radio", "social"]
    rows = world.sample_regimes(world.standard_regimes(500), seed=1)
    data = ivg.RegimeData.from_frame(rows, outcome="sales", actions=actions)
    fit = ivg.InterventionModel().fit(data, seed=0, progressbar=False)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "report.html"
        times = [seconds(lambda: fit.report(place, overwrite=True)) for _ in range(1 + args.repeats)]
        print(f"{'first':10} {times[0][0]:5.1f} s, processor {times[0][1]:5.1f} s")
        print(f"{'again':10} {min(t[0] for t in times[1:]):5.1f} s, processor {min(t[1] for t in times[1:]):5.1f} s")
        print(f"{'size':10} {place.stat().st_size / 1e6:5.2f} MB")
    pictures: dict[str, Callable[[], object]] = {
        "curves": fit.plot.curves,
        "bias": fit.plot.bias,
        "surface": lambda: fit.plot.surface("tv", "web"),
        "contrasts": fit.plot.contrasts,
        "regimes": fit.plot.regimes,
        "outcome": fit.plot.outcome,
        "residuals": fit.plot.residuals,
        "graph": fit.plot.graph,
    }
    for name, draw in pictures.items():
        print(f"{name:10} {min(seconds(draw)[0] for _ in range(args.repeats)):5.2f} s")
        plt.close("all")


if __name__ == "__main__":
    main()
