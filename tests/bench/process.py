"""The operator as a process of this machine, with the account that it has in a cluster."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.ports import free_port

PROGRAM, REFUSED = (sys.executable, "-m", "bookstore_operator"), 2
TICKS = os.sysconf("SC_CLK_TCK")


class Operator:
    """Start, kill and weigh the operator; its log lies in a file."""

    def __init__(self, kubeconfig: Path, log: Path) -> None:
        self._kubeconfig = kubeconfig
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        env = {
            **os.environ,
            "KUBECONFIG": str(self._kubeconfig),
            "LOG_LEVEL": "warning",
            "HEALTH_PORT": str(free_port()),
            "METRICS_PORT": str(free_port()),
            # One that is killed and started again is the same to the Lease, as a container is.
            "HOSTNAME": "bench",
            "POD_UID": "bench",
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(PROGRAM, env=env, stdout=log, stderr=log)

    def importing(self) -> float:
        """Return the processor time that Python takes to import the operator."""
        begun = os.times()
        refused = subprocess.run(
            [*PROGRAM, "--an-argument-that-it-refuses"], capture_output=True, check=False
        )
        assert refused.returncode == REFUSED, refused.stderr
        ended = os.times()
        return sum(ended[2:4]) - sum(begun[2:4])

    def kill(self) -> None:
        """End the process by SIGKILL, as a node that dies does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=60)
            self._process = None

    def memory(self) -> int:
        """Return the resident memory in KiB."""
        lines = self._proc("status").splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmRSS:")))

    def cpu(self) -> float:
        """Return the seconds of processor time that the process has used."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    async def share(self, seconds: float) -> float:
        """Return the share of one core that the process uses, over so many seconds from now."""
        before = self.cpu()
        await asyncio.sleep(seconds)
        return (self.cpu() - before) / seconds

    def _proc(self, name: str) -> str:
        assert self._process is not None, "the operator was not started"
        ended = self._process.poll()
        assert ended is None, f"the operator ended with {ended}; its log is {self._log}"
        return Path(f"/proc/{self._process.pid}/{name}").read_text()
