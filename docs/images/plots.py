"""Draw the images of docs/plots.md and docs/report.md.

python docs/images/plots.py

The picture of the page itself needs Chromium; without it only the others are drawn.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np

import bayes_ivgen as ivg

HERE = Path(__file__).parent
UNIT = "thousand euro"


def main() -> None:
    """Fit, draw, write."""
    mpl.use("agg")
    world = ivg.simulate.media_mix(seed=0)
    rows = world.sample_regimes(world.standard_regimes(500), seed=1)
    data = ivg.RegimeData.from_frame(rows, outcome="sales", actions=["tv", "web", "radio", "social"])
    fit = ivg.InterventionModel().fit(data, seed=0, progressbar=False)
    units = dict.fromkeys(["sales", *fit.actions], UNIT)
    pictures = fit.plot.with_units(units)
    drawn = {
        "curves": pictures.curves(["tv", "social"]),
        "bias": pictures.bias(["tv", "social"]),
        "surface": pictures.surface("tv", "web"),
        "contrasts": pictures.contrasts(),
        "regimes": pictures.regimes(),
        "outcome": pictures.outcome("do(tv)"),
        "residuals": pictures.residuals(),
    }
    for name, ax in drawn.items():
        np.atleast_1d(np.asarray(ax, dtype=object))[0].figure.savefig(HERE / f"plot-{name}.png", dpi=90)
    browser = shutil.which("chromium")
    if browser is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        page = fit.report(Path(folder) / "report.html", units=units)
        words = ["--headless=new", "--no-sandbox", "--hide-scrollbars", "--window-size=900,1250"]
        subprocess.run([browser, *words, f"--screenshot={HERE / 'report.png'}", page.as_uri()], check=True)


if __name__ == "__main__":
    main()
