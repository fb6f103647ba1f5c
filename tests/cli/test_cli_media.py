"""Rows that are weeks on the command line: carry-over, saturation, season, plans."""

from __future__ import annotations

import re
import shlex
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_ivgen as ivg
from bayes_ivgen import RegimeData
from bayes_ivgen.cli import main
from bayes_ivgen.cli.media_options import SATURATIONS, MediaOptions
from bayes_ivgen.errors import IvgenWarning, SpecError
from bayes_ivgen.media import Adstock, Saturation, seasonality, trend
from bayes_ivgen.media.saturation import PARAMETERS

Run = Callable[..., Any]

ACTIONS = ["tv", "web"]
ROWS = ("--outcome", "sales", "--actions", "tv,web", "--time", "week", "--unit", "geo")
SEASON = ("--seasonality", "1", "--trend")
ADSTOCK = ("--adstock", "tv=0.3+0.6:l_max=4,web=0.3:l_max=4", "--saturation", "web=michaelis_menten:20")
SHORT = ("--graph", "empty", "--draws", "60", "--tune", "60", "--chains", "2", "--cores", "1", "--seed", "0")
TRANSFORMS = {
    "tv": Adstock(alpha=[0.3, 0.6], l_max=4),
    "web": (Adstock(alpha=0.3, l_max=4), Saturation("michaelis_menten", lam=20.0)),
}


@pytest.fixture(scope="session")
def weekly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with weeks.csv, weeks.parquet, two plans and fit.zarr, made once a process."""
    folder = tmp_path_factory.mktemp("weekly")
    world = ivg.simulate.media_series(2, seed=3, alpha=[0.6, 0.3], l_max=4)
    rows = world.sample(10, 80, test_weeks=12, rest_weeks=8, hold=3, seed=1)
    rows["day"] = pd.Timestamp("2023-01-02") + pd.to_timedelta(7 * rows["week"], unit="D")
    rows.to_csv(folder / "weeks.csv", index=False)
    rows.to_parquet(folder / "weeks.parquet", index=False)
    plan = pd.DataFrame({"week": np.arange(80, 86), "tv": [40.0, 40.0, 20.0, 20.0, 40.0, 40.0], "web": 15.0})
    plan.to_csv(folder / "plan.csv", index=False)
    plan.assign(tv=30.0).to_csv(folder / "even.csv", index=False)
    out = str(folder / "fit.zarr")
    assert main(["fit", str(folder / "weeks.csv"), *ROWS, *SEASON, *ADSTOCK, "--out", out, *SHORT]) == 0
    return folder


@pytest.fixture
def place(weekly: Path, tmp_path: Path) -> Path:
    """Return the working folder of `run`, with copies of what `weekly` holds."""
    shutil.copytree(weekly, tmp_path, dirs_exist_ok=True)
    return tmp_path


def read(place: Path) -> RegimeData:
    """Return the data that the command line reads, as one makes them in Python."""
    rows = pd.read_parquet(place / "weeks.parquet")
    rows = rows.join(seasonality(rows["week"], order=1)).join(trend(rows["week"]))
    names = ["season_sin_1", "season_cos_1", "trend"]
    return RegimeData.from_frame(rows, outcome="sales", actions=ACTIONS, covariates=names, time="week", unit="geo")


def flat(text: str) -> str:
    return " ".join(text.split())


def fits_the_screen(text: str) -> bool:
    return max(len(line) for line in text.splitlines() if not line.startswith("  bayes-ivgen")) <= 80


def test_the_fit_is_that_of_python(place: Path) -> None:
    roles: dict[str, Any] = {"season_sin_1": "confounding", "season_cos_1": "confounding", "trend": "outcome"}
    model = ivg.InterventionModel(graph="empty", covariates=roles, transforms=TRANSFORMS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IvgenWarning)
        expected = model.fit(read(place), draws=60, tune=60, chains=2, cores=1, seed=0, progressbar=False)
    found = ivg.load(place / "fit.zarr")
    assert found.model == expected.model
    assert found.transforms == expected.transforms
    do = {"tv": 30.0, "web": 15.0}
    np.testing.assert_allclose(found.effect(do=do).draws, expected.effect(do=do).draws, rtol=1e-6)


def test_fit_says_what_became_of_rows_and_what_was_chosen(place: Path, run: Run) -> None:
    """Dates and a Parquet file instead of numbers and CSV: the same choice and rows."""
    names = ["day" if word == "week" else word for word in ROWS]
    done = run("fit", "weeks.parquet", *names, *SEASON, *ADSTOCK, "--out", "new.zarr", *SHORT)
    assert done.code == 0, done.err
    assert fits_the_screen(done.out)
    fitted = ivg.load(place / "new.zarr")
    assert fitted.carried is not None
    assert fitted.carried.series is not None
    assert fitted.carried.series.clock.kind == "date"
    told = dict(re.findall(r"^ +(\S+ +\S.*?) {2,}([\d,]+) *$", done.out, flags=re.M))
    for row in fitted.carried.rows.to_dict("records"):
        assert int(told[f"{row['week']:<20}{row['became']}"].replace(",", "")) == row["rows"]
    choice = fitted.carried.choice
    gap = -choice.loc[~choice["chosen"], "log_evidence"].max()
    assert re.search(rf"tv +geometric, 4 weeks +alpha=0\.6 +2 +{gap:.2g}", done.out)
    assert re.search(r"web +geometric, 4 weeks +alpha=0\.3 +given +-", done.out)
    assert re.search(r"web +Michaelis-Menten +lam=20 +given +-", done.out)
    names_ = ["season_sin_1", "season_cos_1", "trend"]
    rows = pd.read_parquet(place / "weeks.parquet")
    rows = rows.join(seasonality(rows["day"], order=1)).join(trend(rows["day"]))
    data = RegimeData.from_frame(rows, outcome="sales", actions=ACTIONS, covariates=names_, time="day", unit="geo")
    assert fitted.row_worth == pytest.approx(fitted.independent_share(data))
    assert fitted.row_worth < 1
    assert f"A row is worth {fitted.row_worth:.2f} independent ones" in flat(done.out)


def test_weeks_without_sales_are_history(place: Path, run: Run) -> None:
    """As the message about a gap says: added rows with spends, and no sales."""
    weeks = pd.read_csv(place / "weeks.csv")
    weeks[weeks.index != 20].to_csv("gap.csv", index=False)
    done = run("fit", "gap.csv", *ROWS, *ADSTOCK, "--out", "new.zarr", *SHORT)
    assert done.code == 2
    assert "leave it empty and pass --missing drop" in done.err
    weeks.assign(sales=weeks["sales"].where(weeks.index != 20)).to_csv("filled.csv", index=False)
    done = run("fit", "filled.csv", *ROWS, *ADSTOCK, "--missing", "drop", "--out", "new.zarr", *SHORT)
    assert done.code == 0, done.err
    assert re.search(r"left out: sales missing +1 *$", done.out, flags=re.M)
    assert "what was spent in them still carries over" in flat(done.err)


def test_weeks_are_taken_as_independent_if_asked(place: Path, run: Run) -> None:
    words = (*ROWS, *SEASON, *ADSTOCK, "--independent-rows", "--out", "new.zarr", *SHORT)
    done = run("fit", "weeks.csv", *words)
    assert done.code == 0, done.err
    assert "Rows count as independent." in done.out
    do = {"tv": 30.0, "web": 15.0}
    spread = [ivg.load(place / name).effect(do=do).summary()["sd"].item() for name in ("fit.zarr", "new.zarr")]
    assert spread[1] < spread[0]


def test_effects_and_report_of_the_saved_fit(place: Path, run: Run) -> None:
    done = run("effect", "fit.zarr", "--do", "tv=30,web=15", "--covariates", "trend=1")
    assert done.code == 0, done.err
    assert "averaged over season_sin_1, season_cos_1" in flat(done.out)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        done = run("report", "fit.zarr", "--out", "page.html", "--do", "tv=30,web=15")
    assert done.code == 0, done.err
    answer = ivg.load(place / "fit.zarr").effect(do={"tv": 30, "web": 15}).summary().iloc[0]
    assert f"{answer['mean']:.4g}" in (place / "page.html").read_text()


def test_check_judges_the_rows_that_carry_over_leaves(place: Path, run: Run) -> None:
    done = run("check", "weeks.csv", *ROWS, *SEASON, *ADSTOCK)
    assert (done.code, done.err) == (0, "")
    assert fits_the_screen(done.out)
    carried = ivg.InterventionModel(transforms=TRANSFORMS).carry_over(read(place))
    text = flat(done.out)
    assert f"Rows: {carried.n_rows:,} in 3 regimes." in text
    assert "left out: wash-in or wash-out" in text
    assert "They allow for weeks that resemble those before them." in text
    plain = run("check", "weeks.csv", "--outcome", "sales", "--actions", "tv,web")
    assert "Rows: 800 in 3 regimes." in plain.out
    assert "They allow for weeks" not in flat(plain.out)
    evidence = ivg.InterventionModel().action_graph(carried).evidence
    assert evidence is not None
    assert f"{evidence.loc[('tv', 'web'), 'p_value']:.3f}" in done.out


def test_names_and_parameters_are_not_broken(place: Path, run: Run) -> None:
    """A pair that nothing tests, and two parameters side by side, in 80 columns."""
    words = ("--outcome", "sales", "--actions", "tv,web,radio")
    world = ivg.simulate.media_mix(3, seed=1)
    rows = world.sample_regimes({"obs": 200, "do(tv)": 200, "do(web)": 200}, seed=1)
    rows.to_csv("untested.csv", index=False)
    done = run("check", "untested.csv", *words)
    assert (done.code, done.err) == (0, "")
    assert fits_the_screen(done.out)
    pairs = re.findall(r"^ (\S+ -> \S+)  .*?(untested, kept|untested, left out|yes|no) *$", done.out, flags=re.M)
    assert len(pairs) == 6
    assert ("radio -> tv", "untested, left out") in pairs or ("radio -> tv", "untested, kept") in pairs
    chosen = run("check", "weeks.csv", *ROWS, "--adstock", "0.3:l_max=4", "--saturation", "hill:choose")
    assert chosen.code == 0, chosen.err
    assert fits_the_screen(chosen.out)
    assert len(re.findall(r"^ (tv|web) +Hill +kappa=[\d.]+, slope=[\d.]+ +25 +\S+ *$", chosen.out, flags=re.M)) == 2


def test_a_plan_is_that_of_python(place: Path, run: Run) -> None:
    done = run("plan", "fit.zarr", "plan.csv", *SEASON, "--out", "answer.csv")
    assert done.code == 0, done.err
    assert fits_the_screen(done.out)
    fitted = ivg.load(place / "fit.zarr")
    plan = pd.read_csv(place / "plan.csv")
    plan = plan.join(seasonality(plan["week"], order=1)).assign(trend=1.0)
    expected = fitted.plan(plan).summary()
    found = pd.read_csv(place / "answer.csv")
    np.testing.assert_allclose(found["mean"], expected["mean"])
    assert found["supported"].tolist() == [False] * 3 + [True] * 3
    shown = re.search(r"80 +40 +([\d.]+) .* no", done.out)
    assert shown is not None
    assert float(shown[1]) == pytest.approx(expected["mean"].iloc[0], abs=0.51)  # as many digits as its spread allows
    assert "Not supported by the data: 3" in flat(done.out)
    assert "Averaged over" not in done.out
    assert re.search(r"80 +40 +.* 54 % +no *$", done.out, flags=re.M)  # carry-in
    assert "E[sales | do(plan)] for one average geo" in flat(done.out)
    assert "The mean over 10 units (geo); --sum-units asks for their sum." in flat(done.out)
    averaged = run("plan", "fit.zarr", "plan.csv")
    assert "Averaged over season_sin_1, season_cos_1, trend in the fitted rows" in flat(averaged.out)


def test_the_total_of_a_plan_against_another(place: Path, run: Run) -> None:
    done = run("plan", "fit.zarr", "plan.csv", "--versus", "even.csv", "--total", "--prob", "0.5")
    assert done.code == 0, done.err
    fitted = ivg.load(place / "fit.zarr")
    plans = [pd.read_csv(place / name) for name in ("plan.csv", "even.csv")]
    sentence = fitted.plan(plans[0], versus=plans[1], total=True).sentence(0.5)
    assert flat(sentence) in flat(done.out)
    assert "Averaged over" not in done.out  # it cancels
    assert "that cancels unless demand changes what a spend does" in flat(done.out)
    summed = run("plan", "fit.zarr", "plan.csv", "--versus", "even.csv", "--total", "--sum-units", "--out", "sum.csv")
    assert summed.code == 0, summed.err
    want = 10 * fitted.plan(plans[0], versus=plans[1], total=True).draws.mean().item()
    assert pd.read_csv("sum.csv")["mean"].item() == pytest.approx(want)
    weekly = run("plan", "fit.zarr", "plan.csv", "--versus", "even.csv")
    assert flat(weekly.out).count("that cancels unless demand changes what a spend does") == 1
    assert fits_the_screen(weekly.out)
    units = pd.concat([plans[0].assign(geo="g01"), plans[0].assign(geo="g02")])
    units.to_csv("units.csv", index=False)
    refused = run("plan", "fit.zarr", "units.csv", "--sum-units")
    assert "leave out --sum-units, --total sums over weeks and units" in flat(refused.err)
    assert run("plan", "fit.zarr", "units.csv", "--total").code == 0


def test_a_plan_with_dates_shows_days(place: Path, run: Run) -> None:
    names = ["day" if word == "week" else word for word in ROWS]
    fit = ("fit", "weeks.csv", *names, "--adstock", "0.3:l_max=4", "--seasonality", "1", "--out", "new.zarr", *SHORT)
    assert run(*fit).code == 0
    days = pd.DataFrame({"day": pd.date_range("2024-07-15", periods=5, freq="7D"), "tv": 30.0, "web": 15.0})
    days.to_csv("days.csv", index=False)
    days.to_parquet("days.parquet", index=False)
    found = [run("plan", "new.zarr", f"days.{kind}", "--seasonality", "1") for kind in ("csv", "parquet")]
    assert [item.code for item in found] == [0, 0], found[0].err
    assert found[0].out == found[1].out
    assert re.search(r"^ 2024-07-15 +\d", found[0].out, flags=re.M)
    for pattern in ("%d/%m/%Y", "mixed"):  # 05/08/2024 is May for some; nothing is guessed
        text = days["day"].dt.strftime("%Y-%m-%d" if pattern == "mixed" else pattern)
        text.iloc[3] = "05/08/2024"
        days.assign(day=text).to_csv("text.csv", index=False)
        for words in ((), ("--seasonality", "1")):
            refused = run("plan", "new.zarr", "text.csv", *words)
            assert (refused.code, refused.out) == (2, "")
            odd = "05/08/2024" if pattern == "mixed" else "15/07/2024"
            assert f"the column 'day' of text.csv holds '{odd}'; write all its dates as 2024-01-29" in refused.err


def test_weeks_are_simulated_and_can_be_checked(run: Run, tmp_path: Path) -> None:
    words = ("--actions", "2", "--seed", "3", "--geos", "6", "--weeks", "50", "--sample-seed", "1")
    done = run("simulate", "media-series", *words, "--out", "r.parquet", "--truth", "t.csv")
    assert (done.code, done.err) == (0, "")
    assert fits_the_screen(done.out)
    world = ivg.simulate.media_series(2, seed=3)
    expected = world.sample(6, 50, test_weeks=16, rest_weeks=16, hold=4, seed=1)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "r.parquet"), expected)
    truth = pd.read_csv(tmp_path / "t.csv")
    np.testing.assert_allclose(truth["effect"], world.effect(truth[ACTIONS], expected["week"]))
    low, high = world.set_range.T
    assert ((truth[ACTIONS] >= low) & (truth[ACTIONS] <= high)).all(axis=None)
    name, *words_ = shlex.split(done.out.strip().splitlines()[-1])
    assert name == "bayes-ivgen"
    assert run(*words_).code == 0


@pytest.mark.parametrize(
    ("adstock", "saturation", "expected"),
    [
        ("tv=0.5", None, {"tv": (Adstock(alpha=0.5),)}),
        ("choose", None, {"tv": (Adstock(),), "web": (Adstock(),)}),
        ("tv=choose,web=0.1+0.3", None, {"tv": (Adstock(),), "web": (Adstock(alpha=[0.1, 0.3]),)}),
        ("tv=delayed:0.5:2", None, {"tv": (Adstock("delayed", alpha=0.5, theta=2.0),)}),
        (
            "delayed:choose:theta=0+1+2:l_max=6:initial=0:pure=0.9:wash=label",
            None,
            dict.fromkeys(
                ACTIONS,
                (Adstock("delayed", theta=[0, 1, 2], l_max=6, initial=0.0, pure=0.9, wash="label"),),
            ),
        ),
        ("tv=geometric:alpha=1e-1:l_max=12", None, {"tv": (Adstock(alpha=0.1, l_max=12),)}),
        (None, "tv=hill", {"tv": (Saturation(),)}),
        (None, "choose", {"tv": (Saturation(),), "web": (Saturation(),)}),
        (None, "tv=hill:40:1.5", {"tv": (Saturation("hill", kappa=40, slope=1.5),)}),
        (None, "tv=hill:slope=1+2", {"tv": (Saturation("hill", slope=[1, 2]),)}),
        (None, "web=logistic:0.02", {"web": (Saturation("logistic", lam=0.02),)}),
        (None, "hill:choose", dict.fromkeys(ACTIONS, (Saturation(),))),
        ("tv=0.5", "michaelis_menten:choose", {"tv": (Adstock(alpha=0.5), Saturation("michaelis_menten")),
                                               "web": (Saturation("michaelis_menten"),)}),
    ],
)  # fmt: skip
def test_the_grammar(adstock: str | None, saturation: str | None, expected: dict[str, Any]) -> None:
    options = MediaOptions(
        adstock=None if adstock is None else [adstock], saturation=None if saturation is None else [saturation]
    )
    assert options.transforms(ACTIONS) == expected


def test_several_options_add_up() -> None:
    assert MediaOptions(adstock=["tv=0.5", "web=0.2"]).transforms(ACTIONS) == MediaOptions(
        adstock=["tv=0.5,web=0.2"]
    ).transforms(ACTIONS)
    assert MediaOptions().transforms(ACTIONS) is None
    assert SATURATIONS == PARAMETERS  # written twice, so that --help needs no NumPy


@pytest.mark.parametrize(
    ("option", "text", "match"),
    [
        ("adstock", "radio=0.5", "--adstock names 'radio', which is not an action; the actions are tv, web"),
        ("adstock", "tv=0.5,tv=0.2", "--adstock speaks of 'tv' twice"),
        ("adstock", "tv=0.5,choose", "--adstock speaks of 'tv' twice"),
        ("adstock", ",", "--adstock is empty; write for example --adstock tv=0.5"),
        ("adstock", "tv=high", "alpha is 'high'; it must be a number, several joined by"),
        ("adstock", "tv=0.1+x", "alpha is '0.1.x'; it must be a number, several"),
        ("adstock", "tv=0.5:2", "'2' is not understood; geometric takes alpha, l_max"),
        ("adstock", "tv=0.5:theta=2", "'theta=2' is not understood; geometric takes alpha, l_max"),
        ("adstock", "tv=0.5:l_max=2.5", "l_max is '2.5'; it must be a whole number of weeks"),
        ("adstock", "tv=0.5:initial=choose", "initial is 'choose'; it must be a number. Write"),
        ("adstock", "tv=0.5:alpha=0.2", "'alpha=0.2' is not understood"),
        ("adstock", "tv=", "'' is not understood"),
        ("adstock", "tv=1.5", r"--adstock 'tv=1.5': Adstock\(alpha=1.5\): it must be"),
        ("saturation", "tv=hill:lam=2", "'lam=2' is not understood; hill takes kappa, slope, each once"),
        ("saturation", "tv=logistic:-1", r"--saturation 'tv=logistic:-1': Saturation\(lam=-1.0\)"),
    ],
)
def test_what_the_grammar_refuses(option: str, text: str, match: str) -> None:
    with pytest.raises(SpecError, match=match):
        MediaOptions(**{option: [text]}).transforms(ACTIONS)


FIT = "fit weeks.csv --outcome sales --actions tv,web --out new.zarr"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (f"{FIT} --adstock tv=0.5", "name the column of weeks with --time, and with --unit"),
        (f"{FIT} --seasonality 1", "--seasonality needs a time; name the column of weeks with --time"),
        (f"{FIT} --trend", "--trend needs a time"),
        (f"{FIT} --unit geo", "--unit needs a time"),
        (f"{FIT} --time week", "name the column that tells series apart with --unit."),
        (f"{FIT} --time week --unit geo --seasonality 0", "--seasonality 0 must be a number of harmonics"),
        (f"{FIT.replace('weeks', 'spends')} --time week --unit geo --missing drop",
         "column 'tv' of spends.csv is missing in row 3 (counted from 0, without the header); what is spent"),
        (f"{FIT.replace('weeks', 'sales')} --time week --unit geo", "fill it, or pass --missing drop to leave such"),
        (f"{FIT} --time week --unit geo --checkpoint notes", "--checkpoint is for rows that are streamed; with --time"),
        (f"{FIT} --time geo --unit web", "the time column 'geo' of"),
        (f"{FIT} --time week --unit geo --adstock tv=1.5", "several, joined by +; or choose."),
        (f"{FIT.replace('weeks', 'trends')} --time week --unit geo --adstock tv=0.5 --trend --covariates trend",
         "'trend' is named twice"),
        (f"{FIT} --time week --unit geo --adstock choose --engine nuts --likelihood gamma --link log",
         "Choose them with --likelihood normal, then pass them as numbers"),
        ("check weeks.csv --outcome sales --actions tv,web --adstock tv=0.5", "with --time"),
        ("plan fit.zarr nothing.csv", "there is no file nothing.csv"),
        ("plan fit.zarr weeks.csv", "names 'sales'"),
        ("plan fit.zarr plan.csv --versus short.csv", "--versus is a plan of other weeks"),
        ("plan fit.zarr days.csv", "the plan has no column 'week'"),
        ("plan fit.zarr plan.csv --seasonality 2", "'season_sin_2', which is no covariate of the fit"),
        ("plan fit.zarr plan.csv --out weeks.csv", "weeks.csv exists already"),
        ("plan fit.zarr trend.csv --trend", "trend.csv has a column 'trend' already"),
        ("plan fit.zarr far.csv", "pass --extrapolate"),
        ("simulate media-series --rows 5 --out new.csv", "--rows is not for media-series"),
        ("simulate media-series --joint --out new.csv", "--joint is not for media-series"),
        ("simulate polynomial --weeks 5 --out new.csv", "--geos and --weeks are for media-series"),
    ],
)  # fmt: skip
def test_bad_input_gives_one_line(words: str, message: str, place: Path, run: Run) -> None:
    plan = pd.read_csv(place / "plan.csv")
    plan.head(2).to_csv("short.csv", index=False)
    plan.rename(columns={"week": "day"}).to_csv("days.csv", index=False)
    plan.assign(trend=1.0).to_csv("trend.csv", index=False)
    plan.assign(tv=1e6).to_csv("far.csv", index=False)
    pd.read_csv(place / "weeks.csv").assign(trend=lambda rows: rows["week"]).to_csv("trends.csv", index=False)
    weeks = pd.read_csv(place / "weeks.csv")
    weeks.assign(tv=weeks["tv"].where(weeks.index != 3)).to_csv("spends.csv", index=False)
    weeks.assign(sales=weeks["sales"].where(weeks.index != 3)).to_csv("sales.csv", index=False)
    before = sorted(path.name for path in place.iterdir())
    done = run(*words.split())
    assert done.code == 2
    assert done.out == ""
    assert re.fullmatch(r"bayes-ivgen: error: [^\n]+\n", done.err), done.err
    assert message in done.err
    assert sorted(path.name for path in place.iterdir()) == before


def test_a_fit_without_carry_over_has_no_plan(place: Path, run: Run) -> None:
    out = ("--out", "plain.zarr", *SHORT)
    assert run("fit", "weeks.csv", "--outcome", "sales", "--actions", "tv,web", *out).code == 0
    done = run("plan", "plain.zarr", "plan.csv")
    assert done.code == 2
    assert "ask bayes-ivgen effect --queries, or fit with --time and --adstock" in done.err
    plan = pd.read_csv(place / "plan.csv").drop(columns="week")
    plan.to_csv("queries.csv", index=False)
    assert run("effect", "plain.zarr", "--queries", "queries.csv").code == 0


def test_the_commands_of_the_page_run(run: Run, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "media_mix.md").read_text()
    block = re.search(r"```bash\n(.*?)```", page, flags=re.S)
    assert block is not None
    weeks = np.arange(12)
    plan = pd.DataFrame({"week": 104 + weeks, "tv": np.where(weeks % 4 < 2, 80, 20), "web": 20, "radio": 10})
    plan.to_csv(tmp_path / "plan.csv", index=False)
    plan.assign(tv=50).to_csv(tmp_path / "even.csv", index=False)
    assert "\n".join((tmp_path / "plan.csv").read_text().splitlines()[:4]) in page
    for line in block[1].splitlines():
        name, *words = shlex.split(line)
        assert name == "bayes-ivgen"
        done = run(*words, *(SHORT[2:-2] if words[0] == "fit" else ()))  # fewer draws
        assert done.code == 0, done.err
        if words[0] in ("fit", "check"):
            assert re.search(r"tv +geometric, 8 weeks +alpha=0\.7 +10 +0\.64", done.out)
            assert re.search(r"radio +geometric, 8 weeks +alpha=0\.7 +10 +2\.8", done.out)
        if words[0] == "fit":
            share = re.search(r"A row is worth (0\.\d\d)", done.out)
            assert share is not None
            assert 0.3 < float(share[1]) < 0.7
