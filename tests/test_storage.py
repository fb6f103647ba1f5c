"""Saving and loading: bit-equal, all or nothing, and clear about what cannot be read."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr
from pymc_extras.prior import Prior

from bayes_ivgen import ActionGraph, Fit, InterventionModel, RegimeData, load
from bayes_ivgen.errors import ConvergenceWarning, StorageError
from bayes_ivgen.simulate import media_mix

QUESTIONS: list[Callable[[Fit], Any]] = [
    lambda fit: fit.effect(do={"tv": [30.0, 400.0], "web": 20.0}),
    lambda fit: fit.effect(do={"web": 20.0}, given={"tv": 30.0}),
    lambda fit: fit.effect(do={"tv": 30.0}, rest="hold"),
    lambda fit: fit.effect(do={"tv": 30.0}, rest="respond"),
    lambda fit: fit.outcome(do={"tv": 30.0}, rest="respond"),
    lambda fit: fit.contrast(do={"tv": 40.0, "web": 20.0}, versus={"tv": 20.0, "web": 20.0}),
    lambda fit: fit.outcome(do={"tv": 30.0, "web": 20.0}),
    lambda fit: fit.response_curve("tv"),
    lambda fit: fit.confounding_bias("web"),
]
MODELS = {
    "default": {},
    "changed": {
        "confounding": "separable",
        "graph": ActionGraph({"web": ["tv"]}),
        "noise": "constant",
        "priors": {"sigma": Prior("Exponential", lam=2.0), "alpha": Prior("Normal", mu=0, sigma=3)},
    },
}


@pytest.fixture(scope="session")
def stored_data() -> RegimeData:
    world = media_mix(2, seed=1)
    rows = world.sample_regimes(world.standard_regimes(150), seed=1)
    return RegimeData.from_frame(rows, outcome="sales", actions=["tv", "web"])


@pytest.fixture(scope="session")
def fits(stored_data: RegimeData) -> dict[str, Fit]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return {
            name: InterventionModel(**options).fit(stored_data, draws=20, chains=2, tune=10, cores=1, seed=seed)
            for seed, (name, options) in enumerate(MODELS.items())
        }


@pytest.fixture
def fit(fits: dict[str, Fit]) -> Fit:
    return fits["default"]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.SupportWarning")
@pytest.mark.parametrize("name", list(MODELS))
def test_a_round_trip_changes_nothing(fits: dict[str, Fit], name: str, tmp_path: Path) -> None:
    fit = fits[name]
    path = tmp_path / "fit.zarr"
    assert fit.save(path) == path
    again = load(str(path))
    xr.testing.assert_identical(again.datatree, fit.datatree)
    for question in QUESTIONS:
        one, two = question(fit), question(again)
        xr.testing.assert_identical(one.draws, two.draws)
        pd.testing.assert_frame_equal(one.summary(), two.summary())
        assert one.sentence() == two.sentence()
    assert again.model == fit.model
    assert str(again.model.prior_table()) == str(InterventionModel(**MODELS[name]).prior_table())
    assert again.graph == fit.graph
    assert again.regimes == fit.regimes
    assert again.effects.support.to_dict() == fit.effects.support.to_dict()
    pd.testing.assert_frame_equal(again.diagnostics, fit.diagnostics)
    assert again.statistics.regimes == fit.statistics.regimes
    for part in ("rows", "gram", "cross", "squares"):
        np.testing.assert_array_equal(getattr(again.statistics, part), getattr(fit.statistics, part))
    assert repr(again) == repr(fit)


def test_the_evidence_of_a_learned_graph_is_kept(fit: Fit, stored_data: RegimeData, tmp_path: Path) -> None:
    again = load(fit.save(tmp_path / "fit.zarr"))
    learned = InterventionModel().action_graph(stored_data)
    assert again.graph == learned
    assert again.graph.evidence is not None
    pd.testing.assert_frame_equal(again.graph.evidence, learned.evidence)


def test_a_loaded_fit_can_be_saved_again(fit: Fit, tmp_path: Path) -> None:
    again = load(load(fit.save(tmp_path / "one")).save(tmp_path / "two"))
    xr.testing.assert_identical(again.datatree, fit.datatree)


def test_a_loaded_fit_needs_its_folder_no_more(fit: Fit, tmp_path: Path) -> None:
    again = load(fit.save(tmp_path / "fit.zarr"))
    shutil.rmtree(tmp_path / "fit.zarr")
    xr.testing.assert_identical(again.datatree, fit.datatree)


def test_what_exists_is_not_replaced_unasked(fits: dict[str, Fit], tmp_path: Path) -> None:
    path = fits["default"].save(tmp_path / "fit.zarr")
    before = content(tmp_path)
    with pytest.raises(StorageError, match="exists already; pass overwrite=True to replace it, or choose another path"):
        fits["changed"].save(path)
    assert content(tmp_path) == before
    fits["changed"].save(tmp_path / "other.zarr")
    fits["changed"].save(path, overwrite=True)
    assert load(path).model == fits["changed"].model
    assert {item.name for item in tmp_path.iterdir()} == {"fit.zarr", "other.zarr"}
    fits["default"].save(tmp_path / "fresh.zarr", overwrite=True)


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_overwriting_replaces_fits_only(fit: Fit, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "results"
    if kind == "folder":
        path.mkdir()
        (path / "thesis.txt").write_text("years of work")
    else:
        path.write_text("years of work")
    before = content(tmp_path)
    with pytest.raises(StorageError, match="is not a Zarr folder, and overwrite=True replaces nothing else"):
        fit.save(path, overwrite=True)
    assert content(tmp_path) == before
    fit.save(tmp_path / "another", overwrite=True)


def test_the_folder_above_must_exist(fit: Fit, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"the folder .*new does not exist; create it first"):
        fit.save(tmp_path / "new" / "fit.zarr")
    assert not (tmp_path / "new").exists()
    (tmp_path / "new").mkdir()
    fit.save(tmp_path / "new" / "fit.zarr")


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize("error", [OSError("no space left on device"), RuntimeError("compressor")])
def test_a_save_that_fails_midway_leaves_nothing(
    fits: dict[str, Fit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool, error: Exception
) -> None:
    path = tmp_path / "fit.zarr"
    if existing:
        fits["default"].save(path)
    before = content(tmp_path)

    def broken(self: xr.DataTree, store: Path, **options: Any) -> None:
        Path(store).mkdir()
        (Path(store) / "half").write_text("written")
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(xr.DataTree, "to_zarr", broken)
        with pytest.raises(StorageError if isinstance(error, OSError) else RuntimeError, match=str(error)):
            fits["changed"].save(path, overwrite=True)
    assert content(tmp_path) == before
    assert list(tmp_path.iterdir()) == ([path] if existing else [])
    fits["changed"].save(path, overwrite=True)
    load(path)


def test_a_replacement_that_fails_at_the_last_step_restores_the_old_fit(
    fits: dict[str, Fit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fits["default"].save(tmp_path / "fit.zarr")
    before = content(tmp_path)
    rename = Path.rename

    def broken(self: Path, target: Path) -> Path:
        if self.name == "fit":
            raise PermissionError("the target is locked")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", broken)
    message = r"cannot be written: the target is locked. Check the free space and the permissions"
    with pytest.raises(StorageError, match=message):
        fits["changed"].save(path, overwrite=True)
    assert content(tmp_path) == before


def test_there_is_nothing_to_load(fit: Fit, tmp_path: Path) -> None:
    path = tmp_path / "fit.zarr"
    with pytest.raises(
        StorageError, match=re.escape(f"there is no fit at {path}. Check the path; fits are written by")
    ):
        load(path)
    fit.save(path)
    load(path)


@pytest.mark.parametrize("kind", ["empty folder", "text", "foreign group", "foreign array"])
def test_what_is_no_fit_is_not_loaded(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "thing"
    if kind == "empty folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("hello")
    elif kind == "foreign group":
        xr.Dataset({"a": ("x", [1.0, 2.0])}).to_zarr(path, consolidated=False)
    else:
        zarr.save_array(str(path), np.arange(3))
    with pytest.raises(
        StorageError, match=r"is not a fit of bayes_ivgen; load reads the folders that fit.save\(path\)"
    ):
        load(path)


def edit_attributes(path: Path, **changes: Any) -> None:
    place = path / "zarr.json"
    tree = json.loads(place.read_text())
    for name, value in changes.items():
        if value is None:
            del tree["attributes"][name]
        else:
            tree["attributes"][name] = value
    place.write_text(json.dumps(tree))


def test_a_newer_format_is_named(fit: Fit, tmp_path: Path) -> None:
    path = fit.save(tmp_path / "fit.zarr")
    edit_attributes(path, bayes_ivgen_format=2, bayes_ivgen_version="9.1")
    message = (
        r"has format 2, written by bayes_ivgen 9\.1; this version reads up to format 1\. Upgrade with: python -m pip"
    )
    with pytest.raises(StorageError, match=message):
        load(path)
    edit_attributes(path, bayes_ivgen_format=1)
    load(path)


def _lose(path: Path) -> None:
    shutil.rmtree(path)


def _garble(path: Path) -> None:
    for item in [path] if path.is_file() else path.rglob("*"):
        if item.is_file():
            item.write_bytes(b"garbage")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: edit_attributes(path, bayes_ivgen_format="one"), id="format"),
        pytest.param(lambda path: edit_attributes(path, bayes_ivgen_fit=None), id="no content"),
        pytest.param(lambda path: edit_attributes(path, bayes_ivgen_fit="{"), id="garbled content"),
        pytest.param(lambda path: _lose(path / "posterior"), id="lost group"),
        pytest.param(lambda path: _lose(path / "constant_data"), id="another lost group"),
        pytest.param(lambda path: _lose(path / "noise"), id="lost noise"),
        pytest.param(lambda path: _lose(path / "posterior" / "beta" / "c"), id="lost draws"),
        pytest.param(lambda path: _lose(path / "statistics" / "gram" / "c"), id="lost statistics"),
        pytest.param(lambda path: _garble(path / "posterior" / "beta" / "c"), id="garbled draws"),
        pytest.param(lambda path: _garble(path / "posterior" / "beta" / "zarr.json"), id="garbled description"),
    ],
)
def test_a_damaged_fit_is_not_loaded(fit: Fit, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = fit.save(tmp_path / "fit.zarr")
    damage(path)
    with pytest.raises(StorageError, match=r"is damaged or incomplete; restore it from a copy, or fit again and save"):
        load(path)
    load(fit.save(path, overwrite=True))
