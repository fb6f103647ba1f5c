"""Weeks of a media mix: error and coverage of the joint effect with carry-over ignored, known and chosen.

python benchmarks/media.py --worlds 12 --first 400 --memory 0.7
python benchmarks/media.py --worlds 8 --first 400 --delayed --arms known "chosen"
python benchmarks/media.py --worlds 8 --first 400 --arms classic "known, wash dropped"
python benchmarks/media.py --worlds 8 --first 400 --reaction 0.8 --arms "known, wash dropped" learned
python benchmarks/media.py --worlds 4 --first 420 --channels 2 --geos 20 --memory 0 --arms \
    "known, wash dropped" chosen sampled "classic, known" "classic, chosen" "sampled, classic"

Worlds of `simulate.media_series` with 3 channels, 40 geos and 104 weeks: demand remembers from week to week, and
experiments set one channel in one geo for 16 weeks, a new spend every 4 weeks. Asked are 200 combinations of
steady spends within one standard deviation of the natural ones. Arms: carry-over ignored; known, with wash-in and
wash-out left out, or labelled by their week; known, with rows taken as independent and weighted by
`fit.independent_share` of the fit before; known with causal curves that do not decrease; chosen by marginal
likelihood, and weighted; the classic media mix model, a line of a Hill-saturated spend, with all parameters known or
chosen; and with a graph that is learned, for worlds in which channels react (--reaction). Asked for by name, since
they take minutes a world: sampled, with a prior Beta(2, 2), and weighted; sampled classic, with priors of kappa and
slope as well. Reported are the root mean square error over
combinations, its parts that are one offset (the level) and shape, the coverage of 90 % intervals, and what it were if
rows were taken as independent, how far chosen retention rates and delays are from the true ones, and the log of chosen
half-effect spends over true ones, absolute; means over worlds with standard errors.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
from pymc_extras.prior import Prior

import bayes_ivgen as ivg
from bayes_ivgen.media import Adstock, Saturation

L_MAX = 8
PRIOR = Prior("Beta", alpha=2, beta=2)
HALF, SLOPE = Prior("LogNormal", mu=3.3, sigma=0.7), Prior("LogNormal", mu=0.4, sigma=0.4)
ROLES = {"season_sin_1": "confounding", "season_cos_1": "confounding", "trend": "outcome"}


def asked_for(wanted: list[str] | None, known: list[str]) -> list[str]:
    """Names of the arms to run: a whole name is that arm, the start of names all of them."""
    if not wanted:
        return [name for name in known if not name.startswith("sampled")]
    starts = tuple(item for item in wanted if item not in known)
    return [name for name in known if name in wanted or name.startswith(starts)]


def arms(world: ivg.simulate.MediaSeriesSCM) -> dict[str, dict[str, Any]]:
    delayed = bool(np.isfinite(world.theta).all())
    known = {a: {"alpha": rate} for a, rate in zip(world.actions, world.alpha.tolist(), strict=True)}
    open_: dict[str, Any] = {"l_max": L_MAX}
    if delayed:
        known = {a: {**known[a], "theta": delay} for a, delay in zip(world.actions, world.theta, strict=True)}
        open_ |= {"kind": "delayed", "theta": None}

    def adstocks(wash: str = "drop") -> dict[str, Adstock]:
        return {a: Adstock(**(open_ | numbers), wash=wash) for a, numbers in known.items()}  # type: ignore[arg-type]

    def fixed(wash: str) -> dict[str, Any]:
        return {"transforms": adstocks(wash)}

    hills = {a: Saturation(kappa=kappa, slope=slope)
             for a, kappa, slope in zip(world.actions, world.kappa, world.slope, strict=True)}  # fmt: skip
    line = {"causal": ivg.Polynomial(1)}
    return {
        "ignored": {},
        "known, wash dropped": fixed("drop"),
        "known, wash labelled": fixed("label"),
        "known, wash dropped, weighted": fixed("drop"),
        "known, monotone": fixed("drop") | {"causal": ivg.BSpline(monotone=True)},
        "learned graph": fixed("drop") | {"graph": "learn"},
        "classic, known": line | {"transforms": {a: (item, hills[a]) for a, item in adstocks().items()}},
        "classic, chosen": line | {"transforms": {a: (Adstock(**open_), Saturation()) for a in known}},
        "chosen": {"transforms": {a: Adstock(**open_) for a in known}},
        "chosen, weighted": {"transforms": {a: Adstock(**open_) for a in known}},
        "sampled": {"transforms": {a: Adstock(alpha=PRIOR, l_max=L_MAX) for a in known}},
        "sampled, classic": line
        | {"transforms": {a: (Adstock(alpha=PRIOR, l_max=L_MAX), Saturation(kappa=HALF, slope=SLOPE)) for a in known}},
        "sampled, weighted": {"transforms": {a: Adstock(alpha=PRIOR, l_max=L_MAX) for a in known}},
    }


def read(rows: pd.DataFrame, world: ivg.simulate.MediaSeriesSCM, **options: Any) -> ivg.RegimeData:
    return ivg.RegimeData.from_frame(
        rows, outcome="sales", actions=world.actions, covariates=list(ROLES), time="week", unit="geo", **options
    )


def one_world(seed: int, args: argparse.Namespace) -> list[dict[str, Any]]:
    theta = np.random.default_rng(seed).integers(0, 4, args.channels).tolist() if args.delayed else None
    world = ivg.simulate.media_series(
        args.channels, seed=seed, memory=args.memory, l_max=L_MAX, theta=theta, reaction=args.reaction
    )
    rows = world.sample(args.geos, args.weeks, test_weeks=16, rest_weeks=16, hold=4, seed=seed)
    rows = rows.join(ivg.media.seasonality(rows["week"], order=1)).join(ivg.media.trend(rows["week"]))
    data = read(rows, world)
    shares: dict[str, float] = {}
    width = np.hypot(world.planning, world.noise)
    uniform = np.random.default_rng(seed).uniform(-1, 1, (200, len(world.actions)))
    points = np.exp(world.log_spend + width * uniform)
    truth = world.effect(points, rows["week"])
    found = []
    known = arms(world)
    for name, options in known.items():
        if name not in asked_for(args.arms, list(known)):
            continue
        started = time.perf_counter()
        model = ivg.InterventionModel(**{"graph": "empty", "covariates": ROLES, **options})
        used = data
        if name.endswith("weighted"):
            used = read(rows.assign(share=shares[name.removesuffix(", weighted")]), world, weights="share")
        sampler: dict[str, Any] = {"engine": "nuts", "tune": 400} if name.startswith("sampled") else {}
        sampler["independent_rows"] = name.endswith("weighted")
        fit = model.fit(used, draws=args.draws, chains=2, seed=seed, cores=args.cores, progressbar=False, **sampler)
        shares[name] = fit.independent_share(data)
        asked = {"do": dict(zip(world.actions, points.T, strict=True)), "extrapolate": True}
        table = fit.effect(**asked).summary(0.9)
        short = fit.with_row_worth(1.0).effect(**asked).summary(0.9)
        error = (table["mean"] - truth).to_numpy()
        chosen = [fit.transforms[a] for a in world.actions if name.startswith(("chosen", "classic, chosen", "sampled"))]
        away = [abs(items[0].alpha - rate) for items, rate in zip(chosen, world.alpha, strict=False)]
        late = [abs(items[0].theta - delay) for items, delay in zip(chosen, world.theta, strict=False) if args.delayed]
        half = [abs(np.log(items[1].kappa / kappa)) for items, kappa in zip(chosen, world.kappa, strict=False)
                if len(items) > 1]  # fmt: skip
        found.append(
            {
                "world": seed,
                "arm": name,
                "error": np.sqrt(np.mean(error**2)),
                "offset": abs(error.mean()),
                "shape": error.std(),
                "coverage": ((table["lower"] <= truth) & (truth <= table["upper"])).mean(),
                "if independent": ((short["lower"] <= truth) & (truth <= short["upper"])).mean(),
                "width": (table["upper"] - table["lower"]).mean(),
                "sd_truth": truth.std(),
                "alpha_error": np.mean(away) if away else np.nan,
                "within_0.1": np.mean(np.array(away) <= 0.1) if away else np.nan,
                "theta_error": np.mean(late) if late else np.nan,
                "log_kappa_error": np.mean(half) if half else np.nan,
                "alpha_covered": _covered(fit, world),
                "ess": fit.diagnostics.loc["effects", "ess_bulk"],
                "seconds": time.perf_counter() - started,
            }
        )
    return found


def _covered(fit: ivg.Fit, world: ivg.simulate.MediaSeriesSCM) -> float:
    """Share of the true retention rates inside their 90 % intervals; missing unless they were sampled."""
    posterior = fit.datatree["posterior"]
    if "adstock_alpha" not in posterior:
        return float("nan")
    low, high = np.quantile(posterior["adstock_alpha"].values, [0.05, 0.95], axis=(0, 1))
    return float(np.mean((low <= world.alpha) & (world.alpha <= high)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=12)
    parser.add_argument("--first", type=int, default=400, help="seed of the first world")
    parser.add_argument("--memory", type=float, default=0.7, help="correlation of demand from week to week")
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--geos", type=int, default=40)
    parser.add_argument("--weeks", type=int, default=104)
    parser.add_argument("--delayed", action="store_true", help="peaks of carry-over 0 to 3 weeks late")
    parser.add_argument("--reaction", type=float, default=0.0, help="percent a channel follows one percent before it")
    parser.add_argument(
        "--arms", nargs="*", help="names of the arms to run, or starts of names; by default all but the sampled ones"
    )
    parser.add_argument("--draws", type=int, default=250)
    parser.add_argument("--cores", type=int, default=1)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    lines: list[dict[str, Any]] = []
    for seed in range(args.first, args.first + args.worlds):
        lines += one_world(seed, args)
        table = pd.DataFrame(lines)
        grouped = table.drop(columns="world").groupby("arm", sort=False)
        mean, sem = grouped.mean(), grouped.sem()
        print(f"\n{table['world'].nunique()} worlds, memory {args.memory:g}", flush=True)
        text = mean.map("{:.3g}".format) + " ± " + sem.map("{:.2g}".format)
        print(text.to_string(), flush=True)


if __name__ == "__main__":
    main()
