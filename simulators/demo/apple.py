"""Starts the simulated iCloud as a program and asks it for its truth; the product never talks to this side of it."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.parent import environment

READY_SECONDS = 45.0
APPLE_ID = "demo@example.com"


@dataclass(slots=True)
class Apple:
    """One running simulator."""

    process: subprocess.Popen[bytes] | None
    base_url: str
    admin_url: str
    ca: Path

    @classmethod
    def start(cls, library: Path, run_dir: Path, password: str) -> Apple:
        """Start it on a library folder; RuntimeError with its own words when it does not come up."""
        run_dir.mkdir(parents=True, exist_ok=True)
        secret = run_dir / "apple-password"
        secret.write_text(password)
        with (run_dir / "icloud.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [
                    sys.executable, "-m", "simulators.icloud",
                    "--library", str(library), "--run-dir", str(run_dir),
                    "--apple-id", APPLE_ID, "--password-file", str(secret),
                ],
                stdout=log,
                stderr=log,
                env=environment(),
            )  # fmt: skip
        try:
            return cls._until_told(process, run_dir)
        except BaseException:  # an interruption, too: nothing may stay behind
            process.kill()
            process.wait()
            raise

    @classmethod
    def _until_told(cls, process: subprocess.Popen[bytes], run_dir: Path) -> Apple:
        told = run_dir / "icloud.json"
        deadline = time.monotonic() + READY_SECONDS
        while not told.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                words = (run_dir / "icloud.log").read_text()[-500:]
                raise RuntimeError(f"The simulated iCloud did not start: {words}")
            time.sleep(0.05)
        return cls._of(process, run_dir)

    @classmethod
    def found(cls, run_dir: Path) -> Apple:
        """Return one that runs elsewhere, as its run folder describes it; FileNotFoundError when it does not yet."""
        return cls._of(None, run_dir)

    @classmethod
    def _of(cls, process: subprocess.Popen[bytes] | None, run_dir: Path) -> Apple:
        values = json.loads((run_dir / "icloud.json").read_text())
        return cls(process, values["base_url"], values["admin_url"], Path(values["ca"]))

    def truth(self) -> dict[str, dict[str, Any]]:
        """Return what iCloud really holds, by asset id."""
        found: dict[str, dict[str, Any]] = self._get("truth")["assets"]
        return found

    def code(self) -> str:
        """Return the code that the person's device shows."""
        return str(self._get("code")["code"])

    def _get(self, page: str) -> dict[str, Any]:
        context = ssl.create_default_context(cafile=str(self.ca))
        with urllib.request.urlopen(  # noqa: S310 - our own simulator
            f"{self.admin_url}/{page}", context=context, timeout=60
        ) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def stop(self) -> None:
        """End it, if we started it."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
