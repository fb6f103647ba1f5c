"""How the site is built: `bash .ci/docs`.

The source folder is the repository, so that relative links work as they stand.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any
from uuid import uuid4

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for mathml
os.environ["MATPLOTLIBRC"] = str(HERE / "matplotlibrc")  # of the kernels that run the examples
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Kernels read no configuration of the user's, and do not warn that they talk over the loopback.
os.environ["IPYTHONDIR"] = tempfile.mkdtemp()
profile = Path(os.environ["IPYTHONDIR"], "profile_default")
profile.mkdir()
(profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 40\n")


def _over_files() -> None:
    """Let kernels talk over socket files: the processes of a parallel build may choose the same free port."""
    from jupyter_client.manager import KernelManager

    sockets = tempfile.mkdtemp()  # paths of sockets must be short
    plain = KernelManager.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        self.transport, self.ip = "ipc", str(Path(sockets, uuid4().hex[:12]))

    KernelManager.__init__ = init


if os.name == "posix":
    _over_files()

project = "bayes_ivgen"
author = "bayes-ivgen maintainers"
project_copyright = author
release = version = installed("bayes-ivgen")

root_doc = "docs/index"
extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc", "mathml"]
include_patterns = ["docs/**", "examples/*.md", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"]
exclude_patterns = ["docs/_build", ".venv", "**/.*", "src", "tests", "benchmarks", "results", "outputs"]
source_suffix = {".md": "myst-nb"}

# Pages are plain Markdown with $ maths; examples are MyST notebooks, run here and never stored with their output.
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3
myst_dmath_double_inline = True
nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_output_stderr = "warn"  # with -W: an example that writes to stderr fails the build
nb_merge_streams = True

nitpicky = True
nitpick_ignore_regex = [("py:obj", ".*")]  # single backticks also mark arguments
suppress_warnings = ["config.cache", "mystnb.unknown_mime_type", "myst-nb.lexer"]
default_role = "py:obj"
autodoc_typehints = "none"  # numpydoc says the types
autodoc_member_order = "bysource"
toc_object_entries_show_parents = "hide"  # the list beside a page is narrow
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "bayes_ivgen"
html_static_path = ["_static"]
html_extra_path = ["_extra"]  # index.html at the root leads to the first page
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "navbar_persistent": ["search-button"],
    "show_toc_level": 2,
    "show_prev_next": True,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars: dict[str, list[str]] = {f"docs/{name}": [] for name in ("index", "tutorial", "faq", "comparison")}
html_context = {"default_mode": "auto"}
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_workers = 4


def _link_pages(_app: Any, _what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    """Turn `docs/theory/x.md` in a docstring into a link to that page."""
    for i, line in enumerate(lines):
        lines[i] = re.sub(r"\bdocs/([\w/]+)\.md\b", r":doc:`/docs/\1`", line)


def _spread_examples(_app: Any, env: Any, docnames: list[str]) -> None:
    """Sphinx cuts the list of pages into one piece for each process: spread the slow ones, which run code, evenly."""
    slow = [name for name in docnames if "file_format: mystnb" in Path(env.doc2path(name)).read_text()[:40]]
    quick = [name for name in docnames if name not in slow]
    places = [((i + 0.5) / len(part), name) for part in (slow, quick) for i, name in enumerate(part)]
    docnames[:] = [name for _, name in sorted(places)]


def setup(app: Any) -> dict[str, bool]:
    """Register the hooks above."""
    app.connect("env-before-read-docs", _spread_examples)
    app.connect("autodoc-process-docstring", _link_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
