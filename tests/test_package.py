"""The package as a whole: names, speed of the import, types, exceptions."""

from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
import sys
from importlib.resources import files

import pytest

import bayes_ivgen
from bayes_ivgen import errors

PLOTS_AND_COMPILERS = {"arviz", "dask", "joblib", "llvmlite", "matplotlib", "numba", "pymc", "pytensor", "sklearn"}
HEAVY = {*PLOTS_AND_COMPILERS, "arviz_base", "arviz_stats", "numpy", "pandas", "pyarrow", "scipy", "xarray", "zarr"}


def modules_after(code: str) -> set[str]:
    """Top-level modules in memory after running `code` in a fresh interpreter."""
    script = f"{code}\nimport sys\nprint(' '.join(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_the_import_is_light() -> None:
    assert not modules_after("import bayes_ivgen") & HEAVY
    assert not modules_after("import bayes_ivgen as ivg; ivg.errors.DataError; dir(ivg)") & HEAVY


def test_the_benchmark_needs_neither_a_cluster_nor_regressions_to_load() -> None:
    loaded = modules_after("import bayes_ivgen as ivg; ivg.benchmark.TASKS, ivg.benchmark.METHODS")
    assert not loaded & {"dask", "distributed", "sklearn", "matplotlib", "pymc", "arviz"}


def test_a_model_needs_neither_pymc_nor_plots() -> None:
    loaded = modules_after("import bayes_ivgen as ivg; ivg.InterventionModel(); ivg.Regime(); ivg.RegimeData; ivg.load")
    assert not loaded & PLOTS_AND_COMPILERS


def test_help_needs_no_numbers() -> None:
    assert (
        not modules_after(
            "import io, sys; from bayes_ivgen.cli import main; out = sys.stdout; sys.stdout = io.StringIO()"
            "; main(['--help']); sys.stdout = out"
        )
        & HEAVY
    )


def test_public_names() -> None:
    assert len(bayes_ivgen.__all__) <= 14
    assert list(bayes_ivgen.__all__) == sorted(bayes_ivgen.__all__)
    for name in bayes_ivgen.__all__:
        assert getattr(bayes_ivgen, name) is not None
    assert set(bayes_ivgen.__all__) <= set(dir(bayes_ivgen))
    assert bayes_ivgen.__version__ == importlib.metadata.version("bayes-ivgen")


@pytest.mark.parametrize(
    "package",
    [
        "baselines",
        "basis",
        "benchmark",
        "data",
        "decisions",
        "diagnostics",
        "effects",
        "interface",
        "media",
        "model",
        "plots",
        "report",
        "simulate",
        "statistics",
    ],
)
def test_names_of_the_folders(package: str) -> None:
    module = importlib.import_module(f"bayes_ivgen.{package}")
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'bayes_ivgen' has no attribute 'fit'"):
        _ = bayes_ivgen.fit
    with pytest.raises(ImportError):
        exec("from bayes_ivgen import nothing")


def test_types_are_shipped() -> None:
    assert files("bayes_ivgen").joinpath("py.typed").is_file()


def test_one_base_for_all_errors_and_one_for_all_warnings() -> None:
    own = [item for item in vars(errors).values() if isinstance(item, type)]
    for item in own:
        assert issubclass(item, errors.IvgenWarning if issubclass(item, Warning) else errors.IvgenError)
        assert item.__doc__
    for name in ("DataError", "SpecError", "QueryError", "IdentificationError", "SupportError"):
        assert issubclass(getattr(errors, name), ValueError)
    assert issubclass(errors.StorageError, OSError)
