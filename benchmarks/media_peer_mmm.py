"""Fit pymc-marketing's MMM to rows and say what it makes of steady spends; run by `media_peers.py`.

python benchmarks/media_peer_mmm.py FOLDER

Needs pymc-marketing and nutpie, and nothing of this package. FOLDER holds `rows.parquet` (geo, week, channels, sales),
`queries.csv` (steady spends), `lift_tests.csv` (channel, x, delta_x, delta_y, sigma, geo) and `settings.json`; for
each of the two ways, without and with lift tests, the draws of the mean contribution of all channels at each query are
written to `mmm.npz`. Parameters are shared by all geos, intercepts are not; the shapes are those of the simulated world
(geometric carry-over, Hill saturation), a sine and cosine of the year and a trend are given.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd


def fitted(rows: pd.DataFrame, channels: list[str], lift: pd.DataFrame | None, settings: dict):  # noqa: ANN201
    from pymc_extras.prior import Prior
    from pymc_marketing.mmm import MMM, GeometricAdstock, HillSaturation

    table = rows.assign(date=pd.Timestamp("2022-01-03") + pd.to_timedelta(7 * rows["week"], unit="D"))
    angle = 2 * np.pi * table["week"] / settings["cycle"]
    table = table.assign(sine=np.sin(angle), cosine=np.cos(angle), trend=table["week"] / 52)
    shared = {
        "slope": Prior("HalfNormal", sigma=1.5, dims="channel"),
        "kappa": Prior("HalfNormal", sigma=1.5, dims="channel"),
        "beta": Prior("HalfNormal", sigma=1.5, dims="channel"),
    }
    model = MMM(
        date_column="date",
        channel_columns=channels,
        target_column="sales",
        dims=("geo",),
        control_columns=["sine", "cosine", "trend"],
        adstock=GeometricAdstock(
            l_max=settings["l_max"], priors={"alpha": Prior("Beta", alpha=1, beta=3, dims="channel")}
        ),
        saturation=HillSaturation(priors=shared),
        scaling={
            "channel": {"method": "max", "dims": ("geo",)},
            "target": {"method": "max", "dims": ("geo",)},
        },
        model_config={
            "intercept": Prior("Normal", mu=0.5, sigma=0.5, dims="geo"),
            "gamma_control": Prior("Normal", mu=0, sigma=0.5, dims="control"),
            "likelihood": Prior("Normal", sigma=Prior("HalfNormal", sigma=0.5), dims=("date", "geo")),
        },
    )
    x, y = table.drop(columns=["sales", "regime", "week"]), table["sales"]
    model.build_model(x, y)
    if lift is not None:
        model.add_lift_test_measurements(lift)
    model.fit(
        x,
        y,
        random_seed=settings["seed"],
        progressbar=False,
        draws=settings["draws"],
        tune=settings["tune"],
        chains=settings["chains"],
        cores=settings["cores"],
        target_accept=0.9,
    )
    return model


def contributions(model, queries: pd.DataFrame, channels: list[str]) -> np.ndarray:  # noqa: ANN001
    """Draws of the sum of all saturated steady spends, shape (draws, queries), in units of sales."""
    posterior = model.posterior.stack(sample=("chain", "draw"))  # noqa: PD013
    scales = model.get_scales_as_xarray()
    channel_scale = np.ravel(scales["channel_scale"].sel(channel=channels).values)[-len(channels) :]
    target_scale = float(np.ravel(scales["target_scale"].values)[0])
    total = 0.0
    for channel, scale in zip(channels, channel_scale, strict=True):
        slope, kappa, beta = (
            posterior[f"saturation_{name}"].sel(channel=channel).values[:, None] for name in ("slope", "kappa", "beta")
        )
        spend = queries[channel].to_numpy()[None] / scale
        total = total + beta * spend**slope / (kappa**slope + spend**slope)
    return target_scale * total


def main() -> None:
    import arviz as az

    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1])
    settings = json.loads((folder / "settings.json").read_text())
    rows = pd.read_parquet(folder / "rows.parquet")
    queries, lift = pd.read_csv(folder / "queries.csv"), pd.read_csv(folder / "lift_tests.csv")
    found, said = {}, {}
    for name, tests in (("mmm", None), ("mmm with lift tests", lift)):
        start = time.perf_counter()
        model = fitted(rows, settings["channels"], tests, settings)
        found[name] = contributions(model, queries, settings["channels"])
        names = ["saturation_beta", "saturation_kappa", "saturation_slope", "adstock_alpha"]
        r_hat = max(float(values.max()) for values in az.rhat(model.posterior[names]).data_vars.values())
        alpha = model.posterior["adstock_alpha"].mean(("chain", "draw")).values.tolist()
        said[name] = {"seconds": time.perf_counter() - start, "r_hat": r_hat, "alpha": alpha}
    np.savez(folder / "mmm.npz", **found)
    (folder / "mmm.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main()
