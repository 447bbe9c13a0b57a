"""What icloudpd can be told by the settings: nothing that deletes, nor anything that changes where or what it writes."""

import itertools
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.downloader.icloudpd.arguments import ALONE, VALUED, checked, command_line
from services.downloader.icloudpd.settings import IcloudpdSettings

DELETING = ("--auto-delete", "--delete-after-download", "--keep-icloud-recent-days")
WRITING = (
    *("--directory", "-d", "--folder-structure", "--cookie-directory", "--set-exif-datetime"),
    *("--xmp-sidecar", "--file-match-policy", "--size", "--force-size", "--dry-run"),
    *("--only-print-filenames", "--live-photo-size", "--live-photo-mov-filename-policy"),
)
PEOPLE = ("--username", "-u", "--password", "-p", "--notification-script", "--smtp-password")
RUNNING = ("--watch-with-interval", "--auth-only", "--list-albums", "--log-level", "--threads-num")


@pytest.mark.parametrize("word", [*DELETING, *WRITING, *PEOPLE, *RUNNING])
def test_a_dangerous_argument_is_refused_in_every_spelling(word: str) -> None:
    shortened = [word[:length] for length in range(3, len(word) + 1)]
    values = ([word], [f"{word}=1"], [word, "1"], ["--recent", "5", word], ["--skip-videos", word])
    for words in (*values, *([short] for short in shortened if short not in ALONE | VALUED)):
        with pytest.raises(ValueError, match=r"photoduct lets icloudpd have|needs a value"):
            checked(words)


def test_an_option_cannot_hide_as_a_value() -> None:
    for words in (["--recent", "--auto-delete"], ["--recent=--auto-delete"], ["--recent"]):
        with pytest.raises(ValueError, match="--recent needs a value"):
            checked(words)


def test_what_chooses_photos_may_be_added() -> None:
    words = ("--recent", "500", "--skip-created-before=2024-01-01", "--skip-videos")
    assert IcloudpdSettings(arguments=words).arguments == words
    line = command_line("a@b.c", "PrimarySync", Path("/in"), words, china_mainland=False)
    assert line[-4:] == words


def test_the_settings_name_the_wrong_word() -> None:
    with pytest.raises(ValidationError, match="auto-delete"):
        IcloudpdSettings(arguments=("--auto-delete",))
    with pytest.raises(ValidationError, match="from the root"):
        IcloudpdSettings(folder=Path("photos"))


def test_everything_of_each_photo_is_asked_for() -> None:
    line = command_line("a@b.c", "SharedSync-1", Path("/in"), (), china_mainland=True)
    pairs = list(itertools.pairwise(line))
    sizes = [value for name, value in pairs if name == "--size"]
    assert sizes == ["original", "adjusted", "alternative"]
    assert {("--domain", "cn"), ("--library", "SharedSync-1"), ("--directory", "/in")} <= set(pairs)
    assert not set(line) & {*DELETING, "--skip-live-photos", "--xmp-sidecar", "--password"}
