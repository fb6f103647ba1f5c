"""Seconds from rows in memory to 4 x 1000 draws, after imports, and how well the chains mixed.

python benchmarks/speed.py --rows 60000 --actions 5 --repeats 3
"""

from __future__ import annotations

import argparse
import time

import bayes_ivgen as ivg


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=60_000, help="rows in all")
    parser.add_argument("--actions", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3, help="worlds, one fit each")
    parser.add_argument("--graph", choices=["known", "learn", "full", "empty"], default="known")
    args = parser.parse_args()
    for seed in range(args.repeats + 1):
        world = ivg.simulate.polynomial(n_actions=args.actions, seed=seed)
        frame = world.sample_regimes(world.standard_regimes(args.rows // (args.actions + 1)), seed=seed)
        graph = ivg.ActionGraph(world.parents) if args.graph == "known" else args.graph
        start = time.perf_counter()
        data = ivg.RegimeData.from_frame(frame, outcome=world.outcome, actions=list(world.actions))
        fit = ivg.InterventionModel(graph=graph).fit(data, seed=0, progressbar=False)
        seconds = time.perf_counter() - start
        worst = fit.diagnostics
        label = "first fit (loads the compiled kernels)" if seed == 0 else f"world {seed}"
        draws = ", ".join(f"{name} {value:.0f}" for name, value in worst["ess_bulk"].items())
        print(
            f"{label}: {seconds:.1f} s, P = {fit.design.n_coefficients}, "
            f"R-hat of effects {worst.loc['effects', 'r_hat']:.4f}, smallest effective draws: {draws}",
            flush=True,
        )


if __name__ == "__main__":
    main()
