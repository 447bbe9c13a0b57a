"""Whatever pattern of folders the settings hold, it is refused at once or makes a harmless path of every date."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, strategies as st

from shared.domain.folders import DEFAULT, checked_pattern, folder

HERE = timezone(timedelta(hours=-8))
PIECES = st.sampled_from(
    ["{created:%Y}", "{created:%Y/%m}", "{created:%B}", "{created:%H%%}", "{created}", "{created:", "}",
     "{{", "}}", "{created.year}", "{other:%Y}", "{created!r:%Y}", "{0:%Y}", "{created:{created:%Y}}",
     "{created:%b}\u0301", "..", ".", "/", "\\", "~", " ", "con", "NUL", "com", "lpt", "1", "\x00", "\n",
     "é", "e\u0301", "\u202e", "\ud800", "@eaDir", "#recycle", "-", "a", "x" * 70, "%", "%Y", ":", "\u200b"]
)  # fmt: skip
PATTERNS = st.lists(PIECES, max_size=8).map("".join) | st.text()
DATES = st.datetimes(timezones=st.sampled_from([UTC, HERE]))


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        (DEFAULT, "2019/12"),
        ("{created:%Y}", "2019"),
        ("Photos/{created:%Y-%m-%d}", "Photos/2019-12-31"),
        ("{created:%Y}/{created:%m} {created:%B}", "2019/12 December"),
        ("{created:%G/W%V}", "2020/W01"),
        ("{created:%y/%b/%j/%H}", "19/Dec/365/23"),
    ],
)
def test_a_pattern_makes_the_path_of_the_date_where_the_photo_was_taken(
    pattern: str, path: str
) -> None:
    assert folder(datetime(2019, 12, 31, 23, tzinfo=HERE), checked_pattern(pattern)) == path


def test_an_early_year_has_four_digits() -> None:
    assert folder(datetime(870, 1, 1, tzinfo=UTC)) == "0870/01"


@pytest.mark.parametrize(
    "pattern",
    [
        "", "photos", "/{created:%Y}", "{created:%Y}/", "../{created:%Y}", "{created:%Y}/../../x",
        "{created:%Y}//x", ".{created:%Y}", ".originals/{created:%Y}", "{created:%Y}/con", "{created}",
        "{created.year}", "{created!s:%Y}", "{asset:%Y}", "{:%Y}", "{created:%Y}/{created:%q}",
        "{created:%Y%}", "{created:%Y/%m/%d/%H/%j/%V}", "{created:%Y}\\x", "C:{created:%Y}", "{created:%Y",
        "{created:%Y}/@eaDir", "{created:%Y}.", "~/{created:%Y}", "-{created:%Y}", "{created:{created:%Y}}",
        "{created:%Y}/" + "x" * 61, "{created:%Y}/e\u0301", "{created:%Y}/\ud800", "{created:%Y} ", "{created:%b}\u0301",
        "lost+found/{created:%Y}",
    ],
)  # fmt: skip
def test_a_pattern_that_could_go_wrong_is_refused_in_one_sentence(pattern: str) -> None:
    with pytest.raises(ValueError, match="expected a pattern of folders") as caught:
        checked_pattern(pattern)
    assert "\n" not in str(caught.value)


@given(PATTERNS, DATES)
@example("{created:%b}\u0301", datetime(2024, 2, 1, tzinfo=UTC))
@example("com{created:%m}", datetime(1, 1, 1, tzinfo=UTC))
def test_what_is_accepted_is_harmless_for_every_date(pattern: str, created: datetime) -> None:
    try:
        checked_pattern(pattern)
    except ValueError:
        return
    parts = folder(created, pattern).split("/")
    assert 1 <= len(parts) <= 5
    for part in parts:
        assert part.strip(" .")
        assert not part.startswith((".", "~", "-", "@", "#", " "))
        assert not part.endswith((".", " "))
        assert not set(part) & set('/\\:*?"<>|\x7f')
        assert not any(ord(c) < 32 for c in part)
        assert part.split(".")[0].lower() not in {"con", "prn", "aux", "nul", "com1", "lpt1"}
        assert unicodedata.is_normalized("NFC", part)
        assert len(part.encode()) <= 60
