"""What a process has used so far."""

import os
from pathlib import Path


def cpu(pid: int) -> float:
    """Seconds of CPU. Errors: ``OSError`` where it is gone. Source: proc(5), ``stat``."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
