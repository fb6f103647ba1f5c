"""``bayes-ivgen benchmark``: the paper's experiments with our estimator beside theirs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App

from bayes_ivgen.cli.options import Flag
from bayes_ivgen.cli.output import number, say, say_command, show_table
from bayes_ivgen.cli.parsing import names_of, numbers_of

if TYPE_CHECKING:
    import pandas as pd

benchmark = App(
    name="benchmark",
    help=(
        "Run the paper's experiments, our estimator beside its own. See the tasks with: bayes-ivgen benchmark list, "
        "and draw the figures with: bayes-ivgen benchmark plot results"
    ),
)


@benchmark.default
def run_task(
    task: str,
    /,
    *,
    out: Path,
    methods: str | None = None,
    seeds: int | None = None,
    first_seed: int = 0,
    scm: str | None = None,
    actions: str | None = None,
    rows: str | None = None,
    ratios: str | None = None,
    jobs: int | None = None,
    cluster: str | None = None,
    retry_failed: Flag = False,
) -> None:
    """Run a task, or go on with it where it stopped.

    Example: bayes-ivgen benchmark fig2a --seeds 30 --rows 10000 --out results

    Parameters
    ----------
    task : str
        Name of a task; bayes-ivgen benchmark list shows them.
    out : path
        Folder of the results; finished cells in it are not run again.
    methods : str
        Names of methods, separated by commas: ours,plug_in; by default all but ours_nuts.
    seeds : int
        Number of random worlds; by default that of the task.
    first_seed : int
        Seed of the first world.
    scm : str
        Other worlds: polynomial, lognormal, strong-edges, media-mix, discrete.
    actions : str
        Other numbers of actions, separated by commas: 2,3,5.
    rows : str
        Other numbers of rows: 1000,10000.
    ratios : str
        Other ratios of single-intervention to observational rows: 0.2,1,5.
    jobs : int
        Number of processes; by default one a core.
    cluster : str
        Address of a Dask scheduler: tcp://host:8786.
    retry_failed : bool
        Run methods again that failed before.
    """
    counts = {"actions": actions, "rows": rows, "ratios": ratios}
    grids = {name: None if text is None else numbers_of(text, f"--{name}") for name, text in counts.items()}
    chosen = None if methods is None else names_of(methods)
    from bayes_ivgen.benchmark.runner import run

    table = run(
        task,
        out,
        methods=chosen,
        seeds=seeds,
        first_seed=first_seed,
        scm=scm,
        jobs=jobs,
        cluster=cluster,
        retry_failed=retry_failed,
        progressbar=True,
        **grids,  # type: ignore[arg-type]
    )
    if task == "example1":
        _show_example(table)
        say(f"Wrote {len(table)} rows to {out / 'results.parquet'}.")
        return
    _show_summary(table)
    _show_failures(table)
    say(f"Wrote {len(table):,} rows to {out / 'results.parquet'}. Draw them with:")
    say_command(f"bayes-ivgen benchmark plot {out}")


@benchmark.command
def plot(folder: Path, /, *, metrics: str | None = None, out: Path | None = None) -> None:
    """Draw the figures of a folder of results, from its table alone.

    Example: bayes-ivgen benchmark plot results --metrics excess,seconds

    Parameters
    ----------
    folder : path
        Folder that bayes-ivgen benchmark has written.
    metrics : str
        What to draw; by default excess, rmse and coverage_90.
    out : path
        Where to put the files; by default beside the table.
    """
    from bayes_ivgen.benchmark.figures import draw_figures

    for path in draw_figures(folder, None if metrics is None else names_of(metrics), out):
        say(f"Wrote {path}.")


@benchmark.command(name="list")
def list_all() -> None:
    """List tasks, methods and metrics."""
    from bayes_ivgen.benchmark.methods import DEFAULTS, METHODS
    from bayes_ivgen.benchmark.metrics import METRICS
    from bayes_ivgen.benchmark.tasks import TABLES, TASKS
    from bayes_ivgen.benchmark.worlds import WORLDS

    tasks = [[name, task.about, str(task.seeds)] for name, task in TASKS.items()]
    show_table(
        ["task", "what it shows", "seeds"], [*tasks, *([name, text, "-"] for name, text in TABLES.items())], left=2
    )
    others = ", ".join(name for name in METHODS if name not in DEFAULTS)
    say(f"Methods: {', '.join(DEFAULTS)}; on request also {others}.\n")
    say(f"Metrics: {', '.join(METRICS)}.\n")
    say(f"Worlds: {', '.join(WORLDS)}.")


def _show_summary(table: pd.DataFrame) -> None:
    """Show excess and coverage; the table on file has all metrics."""
    from bayes_ivgen.benchmark.cells import GROUP
    from bayes_ivgen.benchmark.methods import METHODS
    from bayes_ivgen.benchmark.summary import summarise

    summary = summarise(table)
    varied = [name for name in GROUP if len(set(table[name])) > 1]
    headings = ["method", "excess", "se", "median", "rmse", "cov. 90", "sec."]
    for group, part in summary.groupby(varied, sort=False) if varied else [((), summary)]:
        found = {str(name): scores.set_index("metric") for name, scores in part.groupby("method", sort=False)}
        names = sorted(found, key=lambda name: [*METHODS, name].index(name))
        title = [f"{name.replace('_', ' ')} {value}" for name, value in zip(varied, group, strict=True)]
        title.append(f"{max(scores['worlds']['excess'] for scores in found.values())} worlds")
        if "sd_truth" in set(part["metric"]):
            title.append(f"sd of the truth {number(part.loc[part['metric'] == 'sd_truth', 'mean'].max(), 3)}")
        show_table(headings, [_scores(name, found[name]) for name in names], title=", ".join(title))


def _scores(name: str, scores: pd.DataFrame) -> list[str]:
    def cell(metric: str, digits: int, statistic: str = "mean", least: float = 0.0) -> str:
        value = float(scores[statistic][metric]) if metric in scores.index else float("nan")
        return f"<{least:g}" if value < least else number(value, digits)

    excess = [cell("excess", 3), cell("excess", 2, "sem"), cell("excess", 3, "median")]
    return [name, *excess, cell("rmse", 3), cell("coverage_90", 2), cell("seconds", 2, least=0.01)]


def _show_failures(table: pd.DataFrame) -> None:
    from bayes_ivgen.benchmark.summary import failures

    for failed in failures(table).to_dict("records"):
        cells = (table["method"] == failed["method"]).sum()
        say(f"Failed: {failed['method']} in {failed['cells']} of {cells} cells, first with {failed['error']}\n")


def _show_example(table: pd.DataFrame) -> None:
    say("E[Y | a, regime]: the worlds 0 and 1 of a pair differ under do(a1,a2) alone.\n")
    headings = ["a1,a2", "obs", "do(a1)", "do(a2)", "world 0", "world 1", "plug-in", "support", "seen"]
    for (which, p), part in table.groupby(["example", "p"], sort=False, dropna=False):
        means = part.set_index(["a1", "a2", "regime"])["mean_0"]
        joint = part[part["regime"] == "do(a1,a2)"]
        rows = []
        for cell in joint.to_dict("records"):
            standard = [means[cell["a1"], cell["a2"], regime] for regime in ("obs", "do(a1)", "do(a2)")]
            values = [number(float(value)) for value in (*standard, cell["mean_0"], cell["mean_1"], cell["plug_in"])]
            verdict = ["yes" if cell[name] else "no" for name in ("supported", "seen")]
            rows.append([f"{cell['a1']}, {cell['a2']}", *values, *verdict])
        known = "identified" if joint["identified"].all() else "not identified"
        show_table(
            headings, rows, title=f"{which}{'' if p != p else f', p = {p:g}'}; by its regimes the joint is {known}"
        )
