"""RegimeData: the same data from every source, what is refused and how to mend it, and what is fine."""

from __future__ import annotations

import atexit
import re
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.profile import ProfileBuilder, RegimeProfile
from bayes_ivgen.errors import DataError

ACTIONS = ["tv", "web"]
NAMES: Any = {"outcome": "y", "actions": ACTIONS}
LABELS = ["do(web)", "obs", "do(tv)", "do(web,tv)"]


def table(n: int = 80, seed: int = 0) -> pd.DataFrame:
    """Rows of four regimes, mixed."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"y": rng.normal(3, 2, n), "tv": rng.normal(size=n), "web": rng.integers(0, 3, n) / 2})
    return frame.assign(regime=[LABELS[i] for i in np.resize(np.arange(4), n)])


def assert_same_profiles(
    found: Mapping[Regime, RegimeProfile], expected: Mapping[Regime, RegimeProfile], *, sample: bool = True
) -> None:
    assert list(found) == list(expected)
    for regime, profile in expected.items():
        other = found[regime]
        assert other.rows == profile.rows
        np.testing.assert_allclose(other.mean, profile.mean, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(other.sd, profile.sd, rtol=1e-12)
        np.testing.assert_array_equal(other.low, profile.low)
        np.testing.assert_array_equal(other.high, profile.high)
        for one, two in zip(other.levels, profile.levels, strict=True):
            np.testing.assert_array_equal(one, two)
        if sample:
            np.testing.assert_array_equal(other.sample, profile.sample)


def rows_of(data: RegimeData, batch_rows: int) -> dict[Regime, np.ndarray]:
    parts: dict[Regime, list[np.ndarray]] = {}
    for batch in data.batches(batch_rows):
        assert len(batch.variables) == len(batch.outcome) <= batch_rows
        parts.setdefault(batch.regime, []).append(np.column_stack([batch.variables, batch.outcome]))
    return {regime: np.concatenate(blocks) for regime, blocks in parts.items()}


@cache
def folder() -> Path:
    """A folder with the table in every form, made once because hypothesis runs many examples."""
    path = Path(mkdtemp())
    atexit.register(shutil.rmtree, path)
    frame = table()
    frame.to_parquet(path / "all.parquet", row_group_size=11)
    frame.to_csv(path / "all.csv", index=False)
    for ending in ("parquet", "csv"):
        (path / ending).mkdir()
        for i, part in enumerate((frame[:13], frame[13:60], frame[60:])):
            if ending == "parquet":
                part.to_parquet(path / ending / f"part{i}.parquet")
            else:
                part.to_csv(path / ending / f"part{i}.csv", index=False)
    return path


def parts(ending: str) -> list[Path]:
    return [folder() / ending / f"part{i}.{ending}" for i in range(3)]


SOURCES: dict[str, Callable[[], RegimeData]] = {
    "pandas": lambda: RegimeData.from_frame(table(), **NAMES),
    "polars": lambda: RegimeData.from_frame(pl.from_pandas(table()), **NAMES),
    "polars lazy": lambda: RegimeData.from_frame(pl.from_pandas(table()).lazy(), **NAMES),
    "pyarrow": lambda: RegimeData.from_frame(pa.Table.from_pandas(table()), **NAMES),
    "frames": lambda: RegimeData.from_frames(dict(list(table().groupby("regime", sort=False))), **NAMES),
    "polars frames": lambda: RegimeData.from_frames(
        {label: pl.from_pandas(rows).lazy() for label, rows in table().groupby("regime", sort=False)}, **NAMES
    ),
    "Regime frames": lambda: RegimeData.from_frames(
        {Regime.parse(label, ACTIONS): rows for label, rows in table().groupby("regime", sort=False)}, **NAMES
    ),
    "parquet": lambda: RegimeData.from_parquet(folder() / "all.parquet", **NAMES),
    "csv": lambda: RegimeData.from_csv(str(folder() / "all.csv"), **NAMES),
    "parquet folder": lambda: RegimeData.from_parquet(folder() / "parquet", **NAMES),
    "csv folder": lambda: RegimeData.from_csv(folder() / "csv", **NAMES),
    "parquet glob": lambda: RegimeData.from_parquet(f"{folder()}/parquet/*.parquet", **NAMES),
    "csv glob": lambda: RegimeData.from_csv(f"{folder()}/csv/part?.csv", **NAMES),
    "parquet list": lambda: RegimeData.from_parquet(parts("parquet"), **NAMES),
    "csv list": lambda: RegimeData.from_csv(parts("csv"), **NAMES),
}
sources = pytest.mark.parametrize("source", SOURCES)


@sources
def test_every_source_gives_the_same_data(source: str) -> None:
    data = SOURCES[source]()
    frame = table()
    expected = {
        Regime.parse(label, ACTIONS): rows[["tv", "web", "y"]].to_numpy() for label, rows in frame.groupby("regime")
    }
    assert data.outcome == "y"
    assert data.actions == ("tv", "web")
    assert data.n_rows == 80
    assert data.regimes == (Regime(), Regime(("tv",)), Regime(("web",)), Regime(("tv", "web")))
    found = rows_of(data, 1000)
    assert found.keys() == expected.keys()
    for regime, values in expected.items():
        np.testing.assert_array_equal(found[regime], values)
        profile = data.profiles[regime]
        assert profile.rows == len(values)
        np.testing.assert_allclose(profile.mean, values.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(profile.sd, values.std(axis=0), rtol=1e-12)
        np.testing.assert_array_equal(profile.sample, values)
    assert_same_profiles(data.profiles, SOURCES["pandas"]().profiles)


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(["pandas", "parquet", "csv", "parquet list", "csv folder"]), st.integers(1, 90), st.integers(1, 30)
)
def test_batches_of_any_size_give_the_same_profiles(source: str, batch_rows: int, sample_rows: int) -> None:
    """A whole-table profile and one built up from batches agree, with and without a cap on the sample."""
    data = cached(source)
    capped: dict[Regime, ProfileBuilder] = {}
    whole: dict[Regime, ProfileBuilder] = {}
    for batch in data.batches(batch_rows):
        for builders, options in ((capped, {"sample_rows": sample_rows}), (whole, {})):
            builder = builders.setdefault(batch.regime, ProfileBuilder(3, **options))
            builder.add(np.column_stack([batch.variables, batch.outcome]))
    assert_same_profiles({regime: whole[regime].build() for regime in data.regimes}, data.profiles)
    profiles = {regime: capped[regime].build() for regime in data.regimes}
    assert_same_profiles(profiles, data.profiles, sample=False)
    for regime, values in rows_of(data, 1000).items():
        at_once = ProfileBuilder(3, sample_rows=sample_rows)
        at_once.add(values)
        np.testing.assert_array_equal(profiles[regime].sample, at_once.build().sample)


@cache
def cached(source: str) -> RegimeData:
    return SOURCES[source]()


@sources
def test_reading_alters_nothing(source: str) -> None:
    data = SOURCES[source]()
    before = SOURCES[source]().profiles
    first = rows_of(data, 9)
    for _ in data.batches(1000):
        break  # a reader that stops half-way
    data.summary()
    data.identified()
    second = rows_of(data, 17)
    for regime, values in first.items():
        np.testing.assert_array_equal(second[regime], values)
    assert_same_profiles(data.profiles, before)


def test_frames_of_the_user_are_not_changed_and_may_change_later() -> None:
    frame = table()
    data = RegimeData.from_frame(frame, **NAMES)
    pd.testing.assert_frame_equal(frame, table())
    parts_ = {label: rows.copy() for label, rows in table().groupby("regime")}
    apart = RegimeData.from_frames(parts_, **NAMES)
    for label, rows in table().groupby("regime"):
        pd.testing.assert_frame_equal(parts_[label], rows)
    one = pd.DataFrame({"tv": [0.0, 1.0], "y": [2.0, 3.0]})
    single = RegimeData.from_frames({"obs": one}, outcome="y", actions=["tv"])
    expected = rows_of(data, 100)
    frame.loc[:, ["tv", "web", "y"]] = 99.0
    one.loc[:, :] = 99.0
    for rows in parts_.values():
        rows.loc[:, ["tv", "web", "y"]] = 99.0
    for regime, values in expected.items():
        np.testing.assert_array_equal(rows_of(data, 100)[regime], values)
        np.testing.assert_array_equal(rows_of(apart, 100)[regime], values)
    np.testing.assert_array_equal(rows_of(single, 100)[Regime()], [[0, 2], [1, 3]])


def test_order_of_actions_is_the_order_of_the_user() -> None:
    data = RegimeData.from_frame(table(), outcome="y", actions=["web", "tv"])
    assert data.actions == ("web", "tv")
    assert [regime.label for regime in data.regimes] == ["obs", "do(web)", "do(tv)", "do(web,tv)"]
    np.testing.assert_array_equal(data.profiles[Regime()].sample[:, 0], table().query("regime == 'obs'")["web"])
    assert (data.index("web"), data.index("tv")) == (0, 1)


def test_regimes_by_action_and_pooled_range() -> None:
    data = RegimeData.from_frame(table(), **NAMES)
    assert [regime.label for regime in data.regimes_setting("tv")] == ["do(tv)", "do(tv,web)"]
    assert [regime.label for regime in data.regimes_leaving("tv")] == ["obs", "do(web)"]
    rows = table().query("regime in ['obs', 'do(tv)']")[["tv", "web", "y"]].to_numpy()
    low, high = data.pooled_range([Regime(), Regime(("tv",))])
    np.testing.assert_array_equal(low, rows.min(axis=0))
    np.testing.assert_array_equal(high, rows.max(axis=0))


def test_summary() -> None:
    frame = table()
    summary = RegimeData.from_frame(frame, **NAMES).summary()
    assert list(summary.columns) == ["rows", "was_set", "mean", "sd", "low", "high", "levels"]
    assert list(summary.index) == [
        (label, name) for label in ("obs", "do(tv)", "do(web)", "do(tv,web)") for name in ("tv", "web", "y")
    ]
    web = frame.query("regime == 'do(web)'")["web"]
    row = summary.loc[("do(web)", "web")]
    assert (row["rows"], row["was_set"], row["levels"], row["low"], row["high"]) == (20, True, 3, 0.0, 1.0)
    assert row["mean"] == pytest.approx(web.mean())
    assert row["sd"] == pytest.approx(web.std(ddof=0))
    assert not summary.loc[("do(web)", "tv"), "was_set"]
    assert summary.loc[("do(web)", "tv"), "levels"] == 20
    assert summary["levels"].xs("y", level="variable").isna().all()
    assert not summary["was_set"].xs("y", level="variable").any()


def test_identified() -> None:
    frame = table().query("regime in ['do(tv)', 'do(web)']")
    table_ = RegimeData.from_frame(frame, **NAMES).identified()
    assert list(table_.index) == ["obs", "do(tv)", "do(web)", "do(tv,web)"]
    assert list(table_["identified"]) == [False, True, True, False]
    assert list(table_["missing"]) == ["obs", "", "", "obs"]
    mended = RegimeData.from_frame(table().query("regime != 'do(web,tv)'"), **NAMES).identified()  # obs is added
    assert mended["identified"].all()
    assert (mended["missing"] == "").all()


def test_identified_lists_few_effects_of_many_actions() -> None:
    names = [f"a{i}" for i in range(8)]
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(5, 9)), columns=[*names, "y"])
    found = RegimeData.from_frames({"obs": frame}, outcome="y", actions=names).identified()
    assert list(found.index) == ["obs", *(f"do({name})" for name in names), f"do({','.join(names)})"]
    assert found["missing"].iloc[-1] == ", ".join(f"do({name})" for name in names)


def test_text_names_the_regimes_and_their_rows() -> None:
    text = str(RegimeData.from_frame(table(), **NAMES))
    assert text == "RegimeData of 'y' given ['tv', 'web']; rows obs: 20, do(tv): 20, do(web): 20, do(tv,web): 20"


# What is refused; every suggested fix is run.


def assert_refused_until_fixed(
    message: str, broken: Callable[[], RegimeData], *fixes: Callable[[], RegimeData]
) -> None:
    with pytest.raises(DataError, match=message):
        broken()
    assert fixes
    for fix in fixes:
        assert isinstance(fix(), RegimeData)


def from_frame(frame: Any, **changes: Any) -> RegimeData:
    return RegimeData.from_frame(frame, **{**NAMES, **changes})


FORMS: dict[str, Callable[[pd.DataFrame, Path], RegimeData]] = {
    "pandas": lambda frame, _: from_frame(frame),
    "polars": lambda frame, _: from_frame(pl.from_pandas(frame)),
    "pyarrow": lambda frame, _: from_frame(pa.Table.from_pandas(frame)),
    "parquet": lambda frame, path: (frame.to_parquet(path / "x.parquet"), RegimeData.from_parquet(path, **NAMES))[1],
    "csv": lambda frame, path: (frame.to_csv(path / "x.csv"), RegimeData.from_csv(path, **NAMES))[1],
}
forms = pytest.mark.parametrize("form", FORMS)


@forms
def test_missing_columns(form: str, tmp_path: Path) -> None:
    for column in ("tv", "y", "regime"):
        bad = table().rename(columns={column: "other"})
        assert_refused_until_fixed(
            f"has no column '{column}'. Its columns are .*'other'.*; correct the name or rename the column",
            lambda bad=bad: FORMS[form](bad, tmp_path),
            lambda bad=bad, column=column: FORMS[form](bad.rename(columns={"other": column}), tmp_path),
        )
    assert_refused_until_fixed(
        "the frame has no column 'labels'",
        lambda: from_frame(table(), regime="labels"),
        lambda: from_frame(table().rename(columns={"regime": "labels"}), regime="labels"),
    )


@forms
def test_label_outside_the_grammar(form: str, tmp_path: Path) -> None:
    bad = table().replace({"regime": {"do(tv)": "spring test"}})
    assert_refused_until_fixed(
        r"The regime label 'spring test' cannot be read.*For labels of your own pass regime_labels=\{",
        lambda: FORMS[form](bad, tmp_path),
        lambda: FORMS[form](bad.replace({"regime": {"spring test": "do(tv)"}}), tmp_path),
        lambda: from_frame(bad, regime_labels={"spring test": ["tv"]}),
    )


def test_own_labels_from_every_source(tmp_path: Path) -> None:
    frame = table().replace({"regime": {"do(tv)": "spring", "obs": "history"}})
    frame.to_parquet(tmp_path / "x.parquet")
    frame.to_csv(tmp_path / "x.csv", index=False)
    for build in (
        lambda own: from_frame(frame, regime_labels=own),
        lambda own: RegimeData.from_frames(dict(list(frame.groupby("regime", sort=False))), **NAMES, regime_labels=own),
        lambda own: RegimeData.from_parquet(tmp_path / "x.parquet", **NAMES, regime_labels=own),
        lambda own: RegimeData.from_csv(tmp_path / "x.csv", **NAMES, regime_labels=own),
    ):
        data = build({"spring": iter(["tv"]), "history": ()})  # an iterator can be read only once
        assert_same_profiles(data.profiles, from_frame(table()).profiles)
        with pytest.raises(
            DataError, match=r"regime_labels\['spring'\] is the string 'tv'; it must be a list of actions"
        ):
            build({"spring": "tv", "history": []})
        with pytest.raises(DataError, match="regime_labels names 'autumn', but no row has this label"):
            build({"spring": ["tv"], "history": [], "autumn": ["web"]})
        with pytest.raises(DataError, match="regime_labels is a list; pass a mapping"):
            build(["spring"])


def test_excluded_labels_from_every_source(tmp_path: Path) -> None:
    """Rows of excluded labels are gone from profiles and batches; their labels may be outside the grammar."""
    frame = table().replace({"regime": {"do(web)": "later"}})
    expected = from_frame(frame.query("regime != 'later' and regime != 'obs'")).profiles
    frame.to_parquet(tmp_path / "x.parquet")
    frame.to_csv(tmp_path / "x.csv", index=False)
    for build in (
        lambda **options: from_frame(frame, **options),
        lambda **options: RegimeData.from_parquet(tmp_path / "x.parquet", **NAMES, **options),
        lambda **options: RegimeData.from_csv(tmp_path / "x.csv", **NAMES, **options),
    ):
        for exclude in (["later", "obs"], iter(["obs", "later"])):
            data = build(exclude=exclude)
            assert_same_profiles(data.profiles, expected)
            assert {regime: len(values) for regime, values in rows_of(data, 7).items()} == dict.fromkeys(expected, 20)
        with pytest.raises(
            DataError, match=r"exclude is the string 'later'; pass a list of labels such as \['later'\]"
        ):
            build(exclude="later")
        with pytest.raises(
            DataError, match=r"exclude names 'latre', but no row has this label.*correct or remove the entry"
        ):
            build(exclude=["later", "latre"])
        with pytest.raises(
            DataError, match=r"exclude names every label in the data.*no row is left. Keep at least one"
        ):
            build(exclude=["later", *LABELS[1:]])
        with pytest.raises(
            DataError, match="'later' stands in exclude and in regime_labels; take it out of one of them"
        ):
            build(exclude=["later"], regime_labels={"later": ["web"]})


def test_label_with_an_unknown_action() -> None:
    bad = table().replace({"regime": {"do(tv)": "do(radio)"}}).assign(radio=np.arange(80))
    assert_refused_until_fixed(
        r"'do\(radio\)' sets 'radio', which is not an action.*correct the label or add the action",
        lambda: from_frame(bad),
        lambda: from_frame(bad.replace({"regime": {"do(radio)": "do(tv)"}})),
        lambda: from_frame(bad, actions=["tv", "web", "radio"]),
    )


@forms
def test_two_labels_for_one_regime(form: str, tmp_path: Path) -> None:
    bad = table().replace({"regime": {"obs": "do(tv, web)"}})
    assert_refused_until_fixed(
        r"labels 'do\((web,tv|tv, web)\)' and 'do\((web,tv|tv, web)\)' name the same regime 'do\(tv,web\)'; give these",
        lambda: FORMS[form](bad, tmp_path),
        lambda: FORMS[form](bad.replace({"regime": {"do(tv, web)": "do(web,tv)"}}), tmp_path),
    )


def test_one_regime_given_twice_as_frames() -> None:
    frame = table()
    for twice in ({"do(tv,web)": frame, "do(web,tv)": frame}, {"obs": frame, " obs": frame}):
        assert_refused_until_fixed(
            "name the same regime",
            lambda twice=twice: RegimeData.from_frames(twice, **NAMES),
            lambda twice=twice: RegimeData.from_frames({next(iter(twice)): pd.concat(twice.values())}, **NAMES),
        )
    assert_refused_until_fixed(
        r"regime 'do\(tv\)' is given twice; put its rows into one frame",
        lambda: RegimeData.from_frames({"do(tv)": frame, Regime(("tv",)): frame}, **NAMES),
        lambda: RegimeData.from_frames({"do(tv)": pd.concat([frame, frame])}, **NAMES),
    )


@pytest.mark.parametrize(
    "convert", [lambda x: x, pl.from_pandas, pa.Table.from_pandas], ids=["pandas", "polars", "pyarrow"]
)
def test_regime_without_rows(convert: Callable[[pd.DataFrame], Any]) -> None:
    frame = table()
    assert_refused_until_fixed(
        r"the frame of regime 'do\(tv\)' has no rows; leave the regime out or add its rows",
        lambda: RegimeData.from_frames({"obs": convert(frame), "do(tv)": convert(frame[:0])}, **NAMES),
        lambda: RegimeData.from_frames({"obs": convert(frame)}, **NAMES),
        lambda: RegimeData.from_frames({"obs": convert(frame), "do(tv)": convert(frame[:2])}, **NAMES),
    )
    assert_refused_until_fixed(
        "the frame has no rows; pass at least the rows of one regime",
        lambda: from_frame(convert(frame[:0])),
        lambda: from_frame(convert(frame.query("regime == 'do(tv)'"))),
    )


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_files_without_rows(form: str, tmp_path: Path) -> None:
    assert_refused_until_fixed(
        "there are no rows; pass at least the rows of one regime",
        lambda: FORMS[form](table()[:0], tmp_path),
        lambda: FORMS[form](table().query("regime == 'do(tv)'"), tmp_path),
    )


def test_frame_without_columns() -> None:
    with pytest.raises(DataError, match=r"the frame has no column 'tv'. Its columns are \[\]"):
        from_frame(pd.DataFrame())


@forms
def test_action_that_never_varies(form: str, tmp_path: Path) -> None:
    bad = table().assign(web=2.5).query("regime in ['obs', 'do(tv)']")
    with pytest.raises(
        DataError, match=r"action 'web' is 2\.5 in every row of every regime.*Leave it out or check the column"
    ):
        FORMS[form](bad, tmp_path)
    assert from_frame(bad, actions=["tv"]).actions == ("tv",)
    bad.iloc[0, 2] = 3.0
    assert FORMS[form](bad, tmp_path).n_rows == 40


@forms
def test_constant_outcome(form: str, tmp_path: Path) -> None:
    assert_refused_until_fixed(
        "the outcome 'y' is 0 in every row of every regime; nothing can be learned about it.*check the column",
        lambda: FORMS[form](table().assign(y=0.0), tmp_path),
        lambda: FORMS[form](table(), tmp_path),
    )


@forms
@pytest.mark.parametrize("column", ["tv", "y"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinite_values(form: str, column: str, value: float, tmp_path: Path) -> None:
    bad = table()
    bad.loc[5, column] = value
    shown = r"missing \(NaN\)" if np.isnan(value) else f"{value}"
    assert_refused_until_fixed(
        rf"column '{column}' of .* is {shown} in row 5; drop or fill the rows with",
        lambda: FORMS[form](bad, tmp_path),
        lambda: FORMS[form](bad.drop(index=5), tmp_path),
        lambda: FORMS[form](bad.replace({column: {value: 0.0}}), tmp_path),
    )


FRAME_WITH = {
    "strings": ("strings", lambda x: x.astype(str), lambda x: x.astype(float)),
    "booleans": ("booleans", lambda x: x > x.mean(), lambda x: x.astype(float)),
    "dates": ("dates or times", lambda x: pd.Timestamp("2020-01-01") + pd.to_timedelta(x.rank(), "D"),
              lambda x: (x - x.min()).dt.days),
    "categories": ("categories|strings", lambda x: x.round(1).astype(str).astype("category"),
                   lambda x: x.astype(float)),
}  # fmt: skip


@forms
@pytest.mark.parametrize(("case", "column"), [*((case, "y") for case in FRAME_WITH), ("dates", "tv")])
def test_columns_that_are_not_numbers(form: str, column: str, case: str, tmp_path: Path) -> None:
    kind, spoil, mend = FRAME_WITH[case]
    if form == "csv" and case in {"strings", "categories"}:
        bad = table().assign(**{column: "many"})  # a CSV file cannot tell 1 from "1"
        mend = lambda _: table()[column]  # noqa: E731
    else:
        bad = table().assign(**{column: spoil(table()[column])})
    assert_refused_until_fixed(
        rf"column '{column}' of .* holds ({kind}) \(dtype .*\); it must hold real numbers\. Convert ",
        lambda: FORMS[form](bad, tmp_path),
        lambda: FORMS[form](bad.assign(**{column: mend(bad[column])}), tmp_path),
    )


@pytest.mark.parametrize("form", ["pandas", "polars", "pyarrow", "parquet"])
def test_actions_whose_numbers_are_text(form: str, tmp_path: Path) -> None:
    for digits in (0, 9):  # few and many labels
        bad = table().assign(tv=lambda x, digits=digits: x["tv"].round(digits).astype(str))
        assert_refused_until_fixed(
            r"column 'tv' holds (strings that read as numbers.* Convert it to numbers, with .astype\(float\)|"
            "more than 64 different labels.* Convert it to numbers if it holds numbers as text)",
            lambda bad=bad: FORMS[form](bad, tmp_path),
            lambda bad=bad: FORMS[form](bad.astype({"tv": float}), tmp_path),
        )


@pytest.mark.parametrize("column", ["tv", "y"])
def test_complex_numbers(column: str) -> None:
    bad = table().assign(**{column: table()[column] + 1j})
    assert_refused_until_fixed(
        rf"column '{column}' of the frame holds complex numbers .*Pass the real part or the modulus",
        lambda: from_frame(bad),
        lambda: from_frame(bad.assign(**{column: bad[column].to_numpy().real})),
        lambda: from_frame(bad.assign(**{column: bad[column].abs()})),
    )


@pytest.mark.parametrize("wrong", [np.nan, None])
def test_missing_label(wrong: Any) -> None:
    bad = table().astype({"regime": object})
    bad.loc[7, "regime"] = wrong
    assert_refused_until_fixed(
        "the regime column 'regime' of the frame is missing in row 7; label every row, 'obs' where nothing was set",
        lambda: from_frame(bad),
        lambda: from_frame(bad.fillna({"regime": "obs"})),
    )


def test_label_that_is_a_number() -> None:
    bad = table().assign(regime=lambda x: [LABELS.index(label) for label in x["regime"]])
    assert_refused_until_fixed(
        r"The regime label '0' cannot be read.*regime_labels=",
        lambda: from_frame(bad),
        lambda: from_frame(bad, regime_labels={"0": ["web"], "1": [], "2": ["tv"], "3": ["tv", "web"]}),
    )


@pytest.mark.parametrize("column", ["tv", "y", "regime"])
def test_doubled_columns(column: str) -> None:
    bad = pd.concat([table(), table()[[column]]], axis=1)
    message = f"the frame has 2 columns named '{column}'; rename or drop all but one of them"
    for frame in (bad, pa.Table.from_arrays([pa.array(bad.iloc[:, i]) for i in range(5)], names=list(bad.columns))):
        with pytest.raises(DataError, match=message):
            from_frame(frame)
    from_frame(bad.loc[:, ~bad.columns.duplicated()])
    from_frame(bad.set_axis([*table().columns, "old"], axis=1))


NAME_ERRORS: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "string": (
        {"actions": "tv"}, r"actions is the string 'tv'; pass a list of names such as \['tv'\]", {"actions": ["tv"]}),
    "empty": ({"actions": []}, "actions is empty; name at least one action column", {"actions": ["tv"]}),
    "doubled": ({"actions": ["tv", "tv"]}, "'tv' is named twice among actions", {"actions": ["tv"]}),
    "outcome": ({"actions": ["tv", "y"]}, "'y' is named twice among actions and outcome", {"actions": ["tv"]}),
    "not text": ({"actions": ["tv", 3]}, "the column name 3 is not text; rename the column", {"actions": ["tv", "3"]}),
    "outcome not text": ({"outcome": 3}, "the column name 3 is not text; rename the column", {"outcome": "3"}),
    "regime is action": (
        {"regime": "tv"}, "the regime column 'tv' is also an action, the outcome or", {"regime": "regime"}),
    "regime is outcome": (
        {"regime": "y"}, "the regime column 'y' is also an action, the outcome or", {"regime": "regime"}),
}  # fmt: skip


@pytest.mark.parametrize(
    ("case", "way"),
    [
        (case, way)
        for case, (bad, _, _) in NAME_ERRORS.items()
        for way in ("frame", "parquet", "frames")
        if way != "frames" or "regime" not in bad
    ],
)
def test_names(case: str, way: str, tmp_path: Path) -> None:
    frame = table().query("regime != 'do(web)' and regime != 'do(web,tv)'").assign(**{"3": np.arange(40.0)})
    frame.to_parquet(tmp_path / "x.parquet")

    def build(changes: dict[str, Any]) -> RegimeData:
        options = {"outcome": "y", "actions": ["tv"], **changes}
        if way == "frames":
            return RegimeData.from_frames({"obs": frame}, **options)
        if way == "parquet":
            return RegimeData.from_parquet(tmp_path / "x.parquet", **options)
        return RegimeData.from_frame(frame, **options)

    bad, message, good = NAME_ERRORS[case]
    assert_refused_until_fixed(message, lambda: build(bad), lambda: build(good))


@pytest.mark.parametrize("name", ["tv(uk)", "tv)", "a,b", "obs", " tv", "tv ", ""])
def test_action_names_that_cannot_stand_in_a_label(name: str) -> None:
    frame = table().query("regime == 'obs'").rename(columns={"tv": name})
    assert_refused_until_fixed(
        rf"the action name {re.escape(repr(name))} cannot stand in a regime label; rename the column so that it is not",
        lambda: from_frame(frame, actions=[name, "web"]),
        lambda: from_frame(frame.rename(columns={name: "tv uk"}), actions=["tv uk", "web"]),
    )
    assert from_frame(frame.rename(columns={"y": "Y (EUR)"}), outcome="Y (EUR)", actions=["web"]).outcome == "Y (EUR)"


@pytest.mark.parametrize("wrong", [None, "rows.csv", np.ones((3, 3)), {"tv": [1.0]}], ids=lambda x: type(x).__name__)
def test_not_a_data_frame(wrong: Any) -> None:
    message = f"is a {type(wrong).__name__}, which is not a data frame. Pass a pandas, polars or pyarrow table, or use "
    with pytest.raises(DataError, match=f"the frame {message}"):
        from_frame(wrong)
    with pytest.raises(DataError, match=f"the frame of regime 'obs' {message}"):
        RegimeData.from_frames({"obs": wrong}, **NAMES)


@pytest.mark.parametrize("wrong", [None, [table()], table(), pl.from_pandas(table())], ids=lambda x: type(x).__name__)
def test_frames_that_are_no_mapping(wrong: Any) -> None:
    message = f"frames is a {type(wrong).__name__}; pass a mapping such as .*RegimeData.from_frame for one table"
    with pytest.raises(DataError, match=message):
        RegimeData.from_frames(wrong, **NAMES)


def test_no_frames() -> None:
    assert_refused_until_fixed(
        "the mapping of frames is empty; pass at least {'obs': frame}",
        lambda: RegimeData.from_frames({}, **NAMES),
        lambda: RegimeData.from_frames({"obs": table()}, **NAMES),
    )


def test_wrong_label_of_a_frame() -> None:
    assert_refused_until_fixed(
        r"The regime label 1 cannot be read",
        lambda: RegimeData.from_frames({1: table()}, **NAMES),  # type: ignore[dict-item]
        lambda: RegimeData.from_frames({"obs": table()}, **NAMES),
    )


def test_wrong_label_is_found_before_all_files_are_read(tmp_path: Path) -> None:
    """A bad label in the first file is told before the bad number in a later one."""
    table().assign(regime="who").to_parquet(tmp_path / "a.parquet")
    table().assign(tv=np.inf).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(DataError, match="'who' cannot be read"):
        RegimeData.from_parquet(tmp_path, **NAMES)


# What is fine.


@pytest.mark.parametrize("n_levels", [1, 2, 3])
@forms
def test_action_tested_at_few_levels(n_levels: int, form: str, tmp_path: Path) -> None:
    frame = table()
    tested = frame["regime"] == "do(tv)"
    frame.loc[tested, "tv"] = np.resize(np.arange(n_levels, dtype=float), tested.sum())
    data = FORMS[form](frame, tmp_path)
    np.testing.assert_array_equal(data.profiles[Regime(("tv",))].levels[0], np.arange(n_levels))
    assert data.summary().loc[("do(tv)", "tv"), "levels"] == n_levels


@forms
def test_action_that_was_never_set_and_data_without_obs(form: str, tmp_path: Path) -> None:
    data = FORMS[form](table().query("regime == 'do(tv)'"), tmp_path)
    assert data.regimes == (Regime(("tv",)),)
    assert data.regimes_setting("web") == ()
    assert data.n_rows == 20


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint16", "float32", "Int32", "Float64"])
@pytest.mark.parametrize("form", ["pandas", "polars", "pyarrow", "parquet"])
def test_number_types(form: str, dtype: str, tmp_path: Path) -> None:
    whole = table().assign(tv=np.arange(80) % 5, y=np.arange(80))
    data = FORMS[form](whole.astype({"tv": dtype, "y": dtype}), tmp_path)
    assert_same_profiles(data.profiles, from_frame(whole).profiles)
    assert all(batch.variables.dtype == batch.outcome.dtype == np.float64 for batch in data.batches())


@pytest.mark.parametrize("form", ["pandas", "polars", "pyarrow", "parquet"])
def test_categorical_regime_column(form: str, tmp_path: Path) -> None:
    """Categories without rows are not regimes."""
    frame = table()
    frame["regime"] = pd.Categorical(frame["regime"], categories=[*LABELS, "do(nothing)"])
    assert_same_profiles(FORMS[form](frame, tmp_path).profiles, from_frame(table()).profiles)


def test_odd_columns_that_are_not_used() -> None:
    odd = table().assign(
        day=pd.date_range("2020-01-01", periods=80),
        empty=np.nan,
        mixed=[object(), "a", None, 3] * 20,
        columns=1,
        column_names=2,
        collect_schema=3,
        z=1 + 2j,
    )
    odd[("a", 1)] = "tuple"
    odd[7] = 7.0
    odd = pd.concat([odd, odd[["day", "z"]]], axis=1)  # doubled
    assert_same_profiles(from_frame(odd).profiles, from_frame(table()).profiles)


@pytest.mark.parametrize(
    "index",
    [
        np.zeros(80),
        np.arange(80)[::-1],
        pd.date_range("2020-01-01", periods=80),
        pd.MultiIndex.from_product([range(8), range(10)], names=["tv", "y"]),
        pd.Index([*range(79), None], name="regime"),
    ],
    ids=["constant", "backwards", "dates", "multi", "named like the regime column"],
)
def test_odd_index(index: Any) -> None:
    assert_same_profiles(from_frame(table().set_axis(index, axis=0)).profiles, from_frame(table()).profiles)


def test_filtered_frame_with_gaps_in_the_index() -> None:
    frame = table().query("tv > 0")
    assert_same_profiles(from_frame(frame).profiles, from_frame(frame.reset_index(drop=True)).profiles)
