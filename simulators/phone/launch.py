"""Starts the phone as a program of its own and waits until it can be used; it never shares a process with it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from simulators.parent import environment

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_READY_S = 45.0
_STOP_S = 20.0


@dataclass(frozen=True, slots=True)
class PhoneTold:
    """The content of `phone.json`."""

    rest_url: str
    api_key: str
    folder: str
    device: str
    mode: str
    truth_url: str


class PhoneProgram:
    """`with PhoneProgram(root, mode="standin") as phone:`; its folders lie under `root`."""

    def __init__(
        self,
        root: Path,
        *,
        mode: str = "auto",
        free_after: float | None = None,
        persona: dict[str, list[str]] | None = None,
        server_folder: Path | None = None,
        log: Path | None = None,
    ) -> None:
        self.run_dir, self.server_folder = root / "phone-run", server_folder or root / "pixel"
        self.google_store, self.phone_folder = root / "google", self.run_dir / "phone"
        self._arguments = ["--mode", mode]
        if free_after is not None:
            self._arguments += ["--free-after", str(free_after)]
        if persona is not None:
            file = root / "persona.json"
            file.write_text(json.dumps(persona))
            self._arguments += ["--persona", str(file)]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> PhoneTold:
        """Start the program; returns when `phone.json` is there, raises RuntimeError otherwise."""
        (self.run_dir / "phone.json").unlink(missing_ok=True)
        folders = {
            "--run-dir": self.run_dir,
            "--server-folder": self.server_folder,
            "--google-store": self.google_store,
        }
        options = [text for name, path in folders.items() for text in (name, str(path))]
        command = [sys.executable, "-m", "simulators.phone", *options, *self._arguments]
        output = self._log.open("ab") if self._log else None
        self._process = subprocess.Popen(  # noqa: S603 -- our own program
            command, stdout=output, stderr=output, env=environment()
        )
        if output:
            output.close()
        return self._until_told(self._process)

    def _until_told(self, process: subprocess.Popen[bytes]) -> PhoneTold:
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline and process.poll() is None:
            if (self.run_dir / "phone.json").exists():
                return self.told
            time.sleep(0.05)
        self.stop()
        message = f"the phone did not start: exit status {process.returncode}"
        raise RuntimeError(message)

    @property
    def told(self) -> PhoneTold:
        """Read `phone.json`."""
        values: dict[str, Any] = json.loads((self.run_dir / "phone.json").read_text())
        return PhoneTold(**values)

    @property
    def pid(self) -> int | None:
        """The program's process id, None before the first start."""
        return self._process.pid if self._process else None

    def stop(self) -> int | None:
        """End the program with SIGTERM; answer its exit status."""
        if self._process is None:
            return None
        self._process.terminate()
        try:
            return self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
