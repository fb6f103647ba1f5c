"""The paper's synthetic experiments: tasks x methods x metrics, on one machine or on a Dask cluster.

Examples
--------
>>> import bayes_ivgen as ivg
>>> table = ivg.benchmark.run("smoke", methods=["constant"], seeds=1, jobs=1)
>>> table["method"].tolist()
['constant']
"""

from bayes_ivgen.benchmark.cells import Cell
from bayes_ivgen.benchmark.example1 import example1
from bayes_ivgen.benchmark.figures import draw_figures
from bayes_ivgen.benchmark.methods import METHODS
from bayes_ivgen.benchmark.runner import run
from bayes_ivgen.benchmark.store import read_results
from bayes_ivgen.benchmark.summary import summarise
from bayes_ivgen.benchmark.tasks import TASKS, Task

__all__ = ["METHODS", "TASKS", "Cell", "Task", "draw_figures", "example1", "read_results", "run", "summarise"]
