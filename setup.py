"""Builds Nearkeep: compiles the hot path with mypyc where that can be done, else leaves it as Python.

NEARKEEP_OPT_LEVEL   optimisation level of the C compiler, 3 by default
NEARKEEP_COMPILE     "no" leaves everything as Python
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

PACKAGE = Path("nearkeep")
COMPILED = (
    "wire/*.py",
    "engine/**/*.py",
    "server/client.py",
    "server/connection.py",
    "server/clock.py",
    "tiers/frame.py",
)
INTERPRETED = ("**/__init__.py", "wire/buffer.py", "engine/settings_table.py")
"""Files that stay Python although a pattern above fits; the last one is data, slow to compile."""

GROUP = "nearkeep.compiled"
"""Name of the shared library, less mypyc's ending; all modules' code is in it."""

HEADERS = Path("build", *GROUP.split(".")[:-1])
"""Where mypyc puts the headers of a library of that name."""

METADATA = {"egg_info", "dist_info", "sdist"}
"""Steps of a build that compile nothing."""


def hot_path() -> list[str]:
    """The files to compile."""
    return sorted(map(str, matching(COMPILED) - matching(INTERPRETED)))


def matching(patterns: tuple[str, ...]) -> set[Path]:
    """The files of the package that fit any pattern."""
    return {file for pattern in patterns for file in PACKAGE.glob(pattern)}


def obstacle() -> str:
    """Why the hot path can't be compiled; empty if it can."""
    if os.environ.get("NEARKEEP_COMPILE") == "no":
        return "NEARKEEP_COMPILE is no"
    if sys.implementation.name != "cpython":
        return f"mypyc compiles for CPython, not for {sys.implementation.name}"
    try:
        import mypyc.build  # noqa: F401, PLC0415
    except ImportError:
        return "mypy is not installed"
    if sys.platform == "win32":
        return ""  # setuptools itself finds the compiler there
    return _c_obstacle()


def _c_obstacle() -> str:
    """Why a small C program with Python's headers does not compile."""
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    command = compiler.split()
    if shutil.which(command[0]) is None:
        return f"there is no C compiler ({command[0]})"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "trial.c")
        source.write_text("#include <Python.h>\nint main(void) { return 0; }\n")
        include = sysconfig.get_paths()["include"]
        trial = subprocess.run(
            [*command, f"-I{include}", "-c", str(source), "-o", str(source.with_suffix(".o"))],
            capture_output=True,
            check=False,
        )
    return "" if trial.returncode == 0 else f"{command[0]} does not find Python.h"


def extensions() -> list[Extension]:
    """The extension modules; none, with a line that says why, where they can't be made."""
    if METADATA.intersection(sys.argv):
        return []
    why = obstacle()
    if why:
        sys.stderr.write(f"Nearkeep runs interpreted, several times slower: {why}.\n")
        return []
    from mypyc.build import mypycify  # noqa: PLC0415

    made = mypycify(
        hot_path(),
        opt_level=os.environ.get("NEARKEEP_OPT_LEVEL", "3"),
        debug_level="0",
        multi_file=True,
        group_name=GROUP,
    )
    for extension in made:
        extension.include_dirs.append(str(HEADERS))
    return made


class SideBySide(build_ext):  # type: ignore[misc]  # setuptools has no types
    """Compiles as many C files at a time as there are processors."""

    def build_extensions(self) -> None:
        compile_in_turn = self.compiler.compile

        def compile_all(sources: list[str], *args: Any, **options: Any) -> list[str]:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                made = pool.map(lambda one: compile_in_turn([one], *args, **options), sources)
                return [file for files in made for file in files]

        self.compiler.compile = compile_all
        super().build_extensions()


setup(ext_modules=extensions(), cmdclass={"build_ext": SideBySide})
