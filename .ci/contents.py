"""Refuse a wheel or an sdist with caches, notebooks or large files, or without what the package needs.

python .ci/contents.py dist/*.whl dist/*.tar.gz
"""

from __future__ import annotations

import sys
import tarfile
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from zipfile import ZipFile

LARGEST = 1_000_000  # bytes of one file
UNWANTED = ("*/__pycache__/*", "*.pyc", "*.ipynb", "*.zarr/*", "*/.venv/*", "*_cache/*", "*/results/*", "*/uv.lock")
NEEDED = ("py.typed", "demo_data/media_mix.parquet", "report/templates/page.html", "report/templates/page.css")


def sizes(archive: Path) -> dict[str, int]:
    """Return the files of an archive with their sizes in bytes."""
    if archive.suffix == ".whl":
        return {item.filename: item.file_size for item in ZipFile(archive).infolist()}
    with tarfile.open(archive) as opened:
        return {item.name: item.size for item in opened.getmembers() if item.isfile()}


def faults(archive: Path, version: str) -> list[str]:
    """Return what is wrong with an archive."""
    files = sizes(archive)
    found = [f"holds {name}" for name in files if any(fnmatch(f"/{name}", pattern) for pattern in UNWANTED)]
    found += [f"holds {name} of {size:,} bytes" for name, size in files.items() if size > LARGEST]
    found += [f"lacks {name}" for name in NEEDED if not any(file.endswith(f"bayes_ivgen/{name}") for file in files)]
    if f"-{version}" not in archive.name:
        found.append(f"is not of version {version}")
    return [f"{archive.name} {fault}" for fault in found]


if __name__ == "__main__":
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    wrong = [fault for name in sys.argv[1:] for fault in faults(Path(name), project["version"])]
    cited = f"version: {project['version']}\n"
    if cited not in Path("CITATION.cff").read_text():
        wrong.append(f"CITATION.cff does not say '{cited.strip()}'")
    sys.exit("\n".join(wrong) or 0)
