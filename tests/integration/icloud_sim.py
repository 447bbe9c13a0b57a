"""Starts the simulated iCloud for tests and points an unmodified pyicloud at it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from pyicloud import PyiCloudService

APPLE_ID = "demo@example.com"
REPOSITORY = Path(__file__).parents[2]
PASSWORD = "Passwörter sind geheim"


@dataclass(frozen=True)
class Simulator:
    """A running simulator: its addresses and its certificate authority."""

    base_url: str
    ca: str
    admin_url: str
    process: "subprocess.Popen[bytes]"

    def truth(self, **page: int) -> dict[str, Any]:
        found: dict[str, Any] = self._admin("GET", "/truth", params=page)
        return found

    def code(self) -> str:
        """The code that was shown last, wherever."""
        return str(self._admin("GET", "/code")["code"])

    def device_code(self) -> str | None:
        code: str | None = self._admin("GET", "/code")["device"]
        return code

    def sms_code(self, phone: int = 1) -> str:
        return str(self._admin("GET", "/code")["sms"][str(phone)])

    def account(self, **settings: object) -> dict[str, Any]:
        """Set what the account is like, and give it all with the counts."""
        found: dict[str, Any] = self._admin("POST", "/account", json=settings)
        return found

    def let_pass(self, days: float) -> None:
        """Let simulated time pass."""
        self._admin("POST", "/clock", json={"advance_seconds": days * 86_400})

    def act(self, name: str, **body: object) -> None:
        self._admin("POST", f"/{name}", json=body)

    def asset(self, asset_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.truth()["assets"][asset_id]
        return found

    def _admin(self, method: str, path: str, **options: Any) -> Any:
        response = requests.request(
            method, f"{self.admin_url}{path}", verify=self.ca, timeout=60, **options
        )
        response.raise_for_status()
        return response.json()


@contextmanager
def running(library: Path | None, run_dir: Path, *more: str) -> Iterator[Simulator]:
    """Run the program until the block ends; it must then stop at once and say 0."""
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / "password").write_text(PASSWORD + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "simulators.icloud"]
    command += ["--library", str(library)] if library else []
    command += ["--run-dir", str(run_dir), "--password-file", str(run_dir / "password"), *more]
    process = subprocess.Popen(command, cwd=REPOSITORY)
    try:
        ready = _wait_for(run_dir / "icloud.json", process)
        with pytest.MonkeyPatch.context() as patch:
            # requests prefers this variable to a session's own `verify`.
            patch.setenv("REQUESTS_CA_BUNDLE", ready["ca"])
            yield Simulator(ready["base_url"], ready["ca"], ready["admin_url"], process)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def _wait_for(path: Path, process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if path.exists():
            found: dict[str, Any] = json.loads(path.read_text())
            if found["pid"] == process.pid:
                return found
        assert process.poll() is None, "the simulator ended"
        time.sleep(0.02)
    raise AssertionError("the simulator did not come up")


def client(simulator: Simulator, cookies: Path, password: str = PASSWORD, **options: Any) -> Any:
    """Make a pyicloud service whose addresses, and nothing else, are the simulator's."""

    class Pointed(PyiCloudService):  # type: ignore[misc]
        def _setup_endpoints(self) -> None:
            self._idmsa_endpoint = simulator.base_url
            self._auth_endpoint = f"{simulator.base_url}/appleauth/auth"
            self._home_endpoint = simulator.base_url
            self._setup_endpoint = f"{simulator.base_url}/setup/ws/1"

    return Pointed(APPLE_ID, password, cookie_directory=str(cookies), **options)


@contextmanager
def signed_in(simulator: Simulator, cookies: Path) -> Iterator[Any]:
    """Sign in with the code that the simulated devices show, and close the session after."""
    api = client(simulator, cookies)
    try:
        if api.requires_2fa:
            assert api.validate_2fa_code(simulator.code())
        yield api
    finally:
        api.session.close()
