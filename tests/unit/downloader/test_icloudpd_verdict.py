"""How a run of icloudpd ended, from its own words (as version 1.32.3 says them): its exit status is mostly 0."""

import pytest

from services.downloader.icloudpd.output import Output
from services.downloader.icloudpd.verdict import failure, finished

STAMP = "2026-11-22 19:43:11"


@pytest.mark.parametrize(
    ("said", "attention", "sentence"),
    [
        ("ERROR    Authentication required for Account. (421)", "icloud-session", "has ended"),
        ("KeyError: 'dsInfo'", "icloud-session", "has ended"),
        ("INFO     Two-factor authentication is required (2fa)", "icloud-session", "has ended"),
        ("INFO     Cannot connect to Apple iCloud service", "icloud-unreachable", "cannot reach"),
        (
            "INFO     Apple iCloud is temporary refusing to serve icloudpd",
            "icloud-slow",
            "slows icloudpd down",
        ),
        (
            "ERROR    private db access disabled for this account.  Please wait a few minutes then"
            " try again.The remote servers might be trying to throttle requests. (ACCESS_DENIED)",
            "icloud-session",
            "Advanced Data Protection",
        ),
        ("unrecognized arguments: --nonsense", "icloudpd", "does not understand its arguments"),
        ("icloudpd cannot be started: No such file or directory", "icloudpd", "install it"),
        ("OSError: [Errno 28] No space left on device", "disk_full", "is full"),
        ("ERROR    Unknown library: Other", "icloudpd", "does not find the library"),
        ("MemoryError", "icloudpd", "its last words: MemoryError"),
    ],
)
def test_a_failure_is_one_clear_sentence(said: str, attention: str, sentence: str) -> None:
    lines = [f"{STAMP} INFO     Processing user: a@b.c", f"{STAMP} {said}", ""]
    error = failure(1, lines)
    assert error.attention == attention
    assert sentence in str(error)
    assert error.retry_after > 0
    assert not finished(lines)


@pytest.mark.parametrize("what", ["photos and videos", "photos", "videos"])
def test_only_its_last_words_say_that_it_is_through(what: str) -> None:
    assert finished([f"{STAMP} INFO     All {what} have been downloaded", ""])
    assert not finished([f"{STAMP} DEBUG    Downloading All {what} have been downloaded.JPG"])
    assert not finished([f"{STAMP} INFO     Downloading 12 original {what} to /in ..."])


def test_last_words_show_no_address_and_no_secret() -> None:
    said = f"{STAMP} ERROR    https://cvws.icloud.com/B/x?k=abc token v=2:t=abc HSARMTKNSRVXWFlaAAAABBBBCCCCDDDD"
    text = str(failure(1, [said]))
    assert "(an address)" in text
    assert not [part for part in ("k=abc", "t=abc", "HSARMT") if part in text]


def test_a_crash_is_told_by_its_reason() -> None:
    lines = ["Traceback (most recent call last):", "ValueError: odd", "[PYI-26386:ERROR] Failed"]
    assert "its last words: ValueError: odd" in str(failure(1, lines))


def test_a_signal_is_named() -> None:
    assert "by signal 9" in str(failure(-9, []))


def test_output_is_counted_and_only_its_end_is_kept() -> None:
    output = Output()
    line = f"{STAMP} INFO     Downloaded /in/IMG_1.JPG\n".encode()
    for start in range(0, len(line) * 500, 7):  # in pieces that know nothing of lines
        output.take((line * 500)[start : start + 7])
    output.take(f"{STAMP} ERROR    Could not download IMG_2.JPG\n".encode() + b"x" * 1_000_000)
    assert (output.downloaded, output.errors) == (500, 1)
    assert len(output.lines()) <= 101
    assert max(map(len, output.lines())) <= 2000
