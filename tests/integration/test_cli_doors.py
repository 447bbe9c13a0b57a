"""What `photoduct` refuses: each refusal is a clear sentence and an exit status, and leaves everything as it was."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from filelock import FileLock

from services.nas_sync.nas import MARKER, init_archive
from services.preflight import check_data, check_library
from shared.cli import login
from shared.domain.errors import Fatal, Permanent
from shared.runtime.settings import CONFIG, load_common
from simulators.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.runtime.settings import Common

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
WRONG_SETTINGS, REFUSED = 2, 3


@dataclass(frozen=True)
class Home:
    """A folder with everything that photoduct needs; a test takes one thing away."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config.yaml"

    def settings(self) -> Any:
        return yaml.safe_load(self.config.read_text())

    def change(self, section: str, **values: object) -> None:
        made = self.settings()
        made.setdefault(section, {}).update(values)
        self.config.write_text(yaml.safe_dump(made))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "shared.cli", "--config", str(self.config), *arguments],
            cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def listing(self) -> dict[str, tuple[int, int]]:
        found = {}
        for path in sorted(self.root.rglob("*")):
            stat = path.lstat()
            found[str(path.relative_to(self.root))] = (stat.st_size, stat.st_mtime_ns)
        return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    for folder in ("data", "library", "nas"):
        (made.root / folder).mkdir(parents=True)
    init_archive(made.root / "nas")
    made.config.write_text(
        yaml.safe_dump(
            {
                "data": str(made.root / "data"),
                "library": {"root": str(made.root / "library")},
                "nas": {"root": str(made.root / "nas")},
                "nats": {"url": f"nats://127.0.0.1:{free_port()}"},
                "pixel_sync": {"api_key": "k"},
                "icloud": {
                    "apple_id": "me@example.com",
                    "session_dir": str(made.root / "session"),
                },
            }
        )
    )
    return made


def wrong_setting(home: Home) -> None:
    home.change("compressor", slots="many")


def unknown_setting(home: Home) -> None:
    home.change("library", rooot="/media")


def no_yaml(home: Home) -> None:
    home.config.write_text("library: [\n")


def no_config(home: Home) -> None:
    home.config.unlink()


def no_library(home: Home) -> None:
    (home.root / "library").rmdir()


def no_nas(home: Home) -> None:
    shutil.rmtree(home.root / "nas")


def no_marker(home: Home) -> None:
    (home.root / "nas" / MARKER).unlink()


def damaged_marker(home: Home) -> None:
    (home.root / "nas" / MARKER).write_text("{")


def data_is_a_file(home: Home) -> None:
    (home.root / "data").rmdir()
    (home.root / "data").write_text("not a folder")


def no_secret_file(home: Home) -> None:
    home.change("pixel_sync", api_key=None, api_key_file=str(home.root / "gone"))


def secret_is_a_folder(home: Home) -> None:
    home.change("pixel_sync", api_key=None, api_key_file=str(home.root / "nas"))


def distant_bus(home: Home) -> None:
    home.change("nats", url="nats://nats.example:4222")


def no_certificates(home: Home) -> None:
    home.change("icloud", ca_bundle=str(home.root / "gone.pem"))


def icloudpd_elsewhere(home: Home) -> None:
    home.change("icloud", server="https://apple.example")
    home.change("downloader", engine="icloudpd")


def no_icloudpd(home: Home) -> None:
    home.change("downloader", engine="icloudpd", icloudpd={"command": "no-such-icloudpd"})


def no_account(home: Home) -> None:
    home.change("icloud", apple_id=" ")


def album_that_keeps_everything(home: Home) -> None:
    home.change("deletion", never_delete_albums=["Family", "deletepending "])


def session_is_a_file(home: Home) -> None:
    (home.root / "session").write_text("not a folder")


DOORS: tuple[tuple[Callable[[Home], None], int, str], ...] = (
    (wrong_setting, WRONG_SETTINGS, "config.yaml: compressor.slots: expected an integer"),
    (unknown_setting, WRONG_SETTINGS, "library.rooot: there is no such setting"),
    (no_yaml, WRONG_SETTINGS, "config.yaml: cannot be read"),
    (no_config, WRONG_SETTINGS, "there is no such file"),
    (no_library, REFUSED, "library.root: "),
    (no_nas, REFUSED, "nas.root: "),
    (no_marker, REFUSED, "photoduct init"),
    (damaged_marker, REFUSED, "is damaged"),
    (data_is_a_file, REFUSED, "data: photoduct may not write in"),
    (no_secret_file, WRONG_SETTINGS, "pixel_sync.api_key_file: "),
    (secret_is_a_folder, WRONG_SETTINGS, "pixel_sync.api_key_file: "),
    (no_certificates, REFUSED, "icloud.ca_bundle: "),
    (icloudpd_elsewhere, REFUSED, "downloader.engine: icloudpd can only ask Apple's own hosts"),
    (no_icloudpd, REFUSED, "downloader.icloudpd.command: there is no program 'no-such-icloudpd'"),
    (no_account, WRONG_SETTINGS, "icloud.apple_id: is missing; set it to the e-mail address"),
    (
        album_that_keeps_everything,
        WRONG_SETTINGS,
        "deletion.never_delete_albums: 'deletepending ' is the album in which photos wait",
    ),
    (session_is_a_file, REFUSED, "icloud.session_dir: photoduct may not keep a session in"),
    (distant_bus, REFUSED, "nats.url is nats://nats.example:4222"),
)


@pytest.mark.parametrize(
    ("harm", "status", "sentence"), DOORS, ids=[door[0].__name__ for door in DOORS]
)
def test_up_refuses_before_it_touches_anything(
    harm: Callable[[Home], None], status: int, sentence: str, home: Home
) -> None:
    harm(home)
    before = home.listing()
    refused(home.run("up"), status, sentence)
    assert home.listing() == before


def refused(done: subprocess.CompletedProcess[str], status: int, sentence: str) -> None:
    """Hold that a command ended with one sentence, the status and no traceback."""
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1, said
    assert sentence in said
    assert done.returncode == status


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
@pytest.mark.parametrize(("folder", "check"), [("data", check_data), ("library", check_library)])
def test_folders_of_somebody_else_are_refused(
    home: Home, folder: str, check: Callable[[Common], None]
) -> None:
    for folder_above in (home.root, *home.root.parents):
        if Path(tempfile.gettempdir()) in folder_above.parents:
            folder_above.chmod(0o755)
    common = load_common(home.config)
    os.chown(home.root / folder, 65534, 65534)
    as_nobody(check, common)
    os.chown(home.root / folder, 0, 0)
    with pytest.raises(Fatal, match=f"photoduct may not write in {home.root / folder}"):
        as_nobody(check, common)


def as_nobody(check: Callable[[Common], None], common: Common) -> None:
    os.seteuid(65534)
    try:
        check(common)
    finally:
        os.seteuid(0)


def test_up_refuses_a_taken_port(home: Home) -> None:
    port = int(home.settings()["nats"]["url"].rpartition(":")[2])
    before = home.listing()
    with socket.create_server(("127.0.0.1", port)):
        refused(home.run("up"), REFUSED, f"Port {port} of 127.0.0.1 is taken")
    assert home.listing() == before


def test_up_refuses_a_data_folder_that_another_uses(home: Home) -> None:
    with FileLock(home.root / "data" / "photoduct.lock"):
        before = home.listing()
        refused(home.run("up"), REFUSED, "photoduct runs already on")
        assert home.listing() == before


@pytest.mark.parametrize("question", ["status", "media", "pending", "failures"])
def test_a_question_to_nobody_is_refused(home: Home, question: str) -> None:
    before = home.listing()
    refused(home.run(question), REFUSED, "photoduct has not run yet")
    assert home.listing() == before


def test_init_is_refused_twice_and_where_there_is_no_folder(home: Home) -> None:
    before = home.listing()
    refused(home.run("init"), WRONG_SETTINGS, "is an archive already")
    assert home.listing() == before
    shutil.rmtree(home.root / "nas")
    refused(home.run("init"), WRONG_SETTINGS, "does not exist")


def test_a_wrong_apple_password_is_refused_and_nothing_is_kept_of_it(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from simulators.demo.apple import APPLE_ID, Apple

    library = tmp_path / "photos"
    library.mkdir()
    apple = Apple.start(library, tmp_path / "icloud", "the right one")
    try:
        home.change(
            "icloud",
            apple_id=APPLE_ID,
            server=apple.base_url,
            ca_bundle=str(apple.ca),
            session_dir=str(home.root / "session"),
        )
        monkeypatch.setenv(CONFIG, str(home.config))
        before = home.listing()
        monkeypatch.setattr("getpass.getpass", lambda _prompt: "a wrong one")
        with pytest.raises(Permanent, match="password") as refusal:
            login.login()
    finally:
        apple.stop()
    assert "\n" not in str(refusal.value)
    assert "a wrong one" not in str(refusal.value)
    after = {k: v for k, v in home.listing().items() if not k.startswith("session")}
    assert after == before
    for file in (home.root / "session").rglob("*"):
        assert not file.is_file() or b"a wrong one" not in file.read_bytes()
