"""What INFO tells of the process and its machine."""

import os
import platform
import resource
import sys
from pathlib import Path

RUN_ID = os.urandom(20).hex()
_PAGE = resource.getpagesize()


def resident_bytes() -> int:
    """Memory that the process holds, or the most it held where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * _PAGE
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def facts(config_file: str, operations_per_second: int) -> dict[str, str]:
    """INFO fields by name."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "process_id": str(os.getpid()),
        "run_id": RUN_ID,
        "executable": sys.executable,
        "config_file": config_file,
        "instantaneous_ops_per_sec": str(operations_per_second),
        "used_cpu_sys": f"{usage.ru_stime:.6f}",
        "used_cpu_user": f"{usage.ru_utime:.6f}",
        "used_cpu_sys_children": f"{children.ru_stime:.6f}",
        "used_cpu_user_children": f"{children.ru_utime:.6f}",
        "used_memory_peak_rss": str(usage.ru_maxrss * 1024),
        "total_system_memory": str(os.sysconf("SC_PHYS_PAGES") * _PAGE),
        "python_version": platform.python_version(),
    }
