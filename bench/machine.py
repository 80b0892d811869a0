"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    processor: str
    cores: int
    kernel: str
    python: str
    load_generator: str
    load_average: float
    """Processes that wanted to run in the minute before: above 0, others were at work too."""

    @classmethod
    def here(cls) -> Machine:
        processor = re.search(r"^model name\s*: (.*)$", _read("/proc/cpuinfo"), re.MULTILINE)
        return cls(
            processor=processor[1] if processor else platform.machine(),
            cores=len(os.sched_getaffinity(0)),
            kernel=platform.release(),
            python=f"{platform.python_implementation()} {platform.python_version()}",
            load_generator=_load_generator(),
            load_average=os.getloadavg()[0],
        )

    def line(self) -> str:
        return (
            f"{self.processor}, {self.cores} cores, Linux {self.kernel}, {self.python}, "
            f"{self.load_generator}, load average {self.load_average:.2f}"
        )


def _read(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""


def _load_generator() -> str:
    try:
        said = subprocess.run(
            ["redis-benchmark", "--version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return "no redis-benchmark"
    return said.stdout.split("(")[0].strip() or "redis-benchmark"
