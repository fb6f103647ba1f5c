"""Seconds until the package is there: `import bayes_ivgen`, `bayes-ivgen --help`, a model, the compiled kernels.

python benchmarks/startup.py

Each line is the least of several fresh processes. "kernels" is the import of numba and the loading of the compiled
sweep of the conjugate engine from its cache, paid by the first fit of a process; the first fit after an installation
compiles it instead, once ("compilation": with an empty cache).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time

SWEEP = """
import numpy as np, pandas as pd, time, bayes_ivgen as ivg
from bayes_ivgen.inference.conjugate import GibbsProblem
from bayes_ivgen.statistics import accumulate
frame = pd.DataFrame({"y": np.arange(20.0), "a": np.arange(20.0) % 7, "regime": ["obs"] * 10 + ["do(a)"] * 10})
data = ivg.RegimeData.from_frame(frame, outcome="y", actions=["a"], regime="regime")
model = ivg.InterventionModel(causal=ivg.Polynomial(1), confounding=ivg.Polynomial(1), graph="empty")
design = model.design(data)
problem = GibbsProblem(design, accumulate(data, design), model.prior_table())
rng = np.random.default_rng(0)
state = problem.initial(rng)
start = time.perf_counter()
problem.step(state, rng)
print(time.perf_counter() - start)
"""
CASES = {
    "python alone": "pass",
    "import bayes_ivgen": "import bayes_ivgen",
    "bayes-ivgen --help": "from bayes_ivgen.cli import main; main(['--help'])",
    "InterventionModel()": "import bayes_ivgen; bayes_ivgen.InterventionModel()",
}


def output_of(code: str, **environment: str) -> tuple[float, str]:
    """Seconds of a fresh process, and what it printed."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )
    return time.perf_counter() - start, done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7, help="fresh processes a line")
    args = parser.parse_args()
    for name, code in CASES.items():
        print(f"{name:20} {min(output_of(code)[0] for _ in range(args.repeats)):.2f} s", flush=True)
    loaded = [float(output_of(SWEEP)[1]) for _ in range(args.repeats)]
    print(f"{'kernels':20} {min(loaded):.2f} s", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'compilation':20} {float(output_of(SWEEP, NUMBA_CACHE_DIR=folder)[1]):.2f} s")


if __name__ == "__main__":
    main()
