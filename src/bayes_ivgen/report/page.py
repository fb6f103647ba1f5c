"""The page itself: sections put into a template, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from bayes_ivgen.errors import StorageError
from bayes_ivgen.report.blocks import Section
from bayes_ivgen.report.facts import Facts

SUFFIXES = (".html", ".htm")


def render(facts: Facts) -> str:
    """Return the report as one HTML page that needs nothing else: no scripts, no fonts, no network."""
    import jinja2

    from bayes_ivgen.report.sections import sections_of

    sections: list[Section] = sections_of(facts)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bayes_ivgen.report", "templates"),
        autoescape=True,  # names of columns and labels may hold anything
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(facts=facts, sections=sections)


def check_place(path: Path, *, overwrite: bool) -> None:
    """Raise a `StorageError` if a page cannot go there: before any work starts."""
    if path.suffix.lower() not in SUFFIXES:
        raise StorageError(f"{path} must end in {' or '.join(SUFFIXES)}; choose another name.")
    if path.is_dir():
        raise StorageError(f"{path} is a folder, which a report does not replace; choose another path.")
    if path.exists() and not overwrite:
        raise StorageError(f"{path} exists already; pass overwrite=True to replace it, or choose another path.")
    if not path.parent.is_dir():
        raise StorageError(f"the folder {path.parent} does not exist; create it first or choose another path.")


def write_page(page: str, path: Path, *, overwrite: bool) -> Path:
    """Write a page next to its place and move it there when it is complete.

    Raises
    ------
    StorageError
        If something is there already and `overwrite` is false, or it cannot be written.
    """
    check_place(path, overwrite=overwrite)
    scratch: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        scratch = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(page)
        scratch.chmod(0o666 & ~_umask())
        if overwrite:
            scratch.replace(path)
        else:
            path.hardlink_to(scratch)  # fails if something came to be there meanwhile
    except FileExistsError as error:
        raise StorageError(
            f"{path} exists already; pass overwrite=True to replace it, or choose another path."
        ) from error
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error}. Check the free space and the permissions.") from error
    finally:
        if scratch is not None:
            with contextlib.suppress(OSError):
                scratch.unlink(missing_ok=True)
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
