"""The page for people says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from services.compressor.settings import CompressorSettings
from services.compressor.tiers.profiles import BALANCED, PROFILES, Profile

PAGE = (Path(__file__).parents[3] / "docs" / "compression.md").read_text()


def test_the_tiers_shown_are_the_default_ones_and_the_examples_are_valid() -> None:
    shown = [
        CompressorSettings.model_validate(yaml.safe_load(text)["compressor"])
        for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    ]
    assert shown[0].tiers == BALANCED
    assert all(tier.webp and tier.avif for tier in shown[1].chosen)
    assert [tier.where is not None for tier in shown[2].chosen] == [True, True, True, False, False]


def rows(profile: str) -> dict[str, list[list[int]]]:
    table = PAGE.split(f"| **{profile}**")[1].split("| **")[0].split("\n\n")[0]
    found = re.findall(r"^\| (JPEG|HEIC|H\.264|HEVC)[^|]*\|(.*)\|$", table, re.MULTILINE)
    return {
        name: [
            [int(n) for n in re.findall(r"\d+", re.sub("CRF|p5", "", c))] for c in cells.split("|")
        ]
        for name, cells in found
    }


@pytest.mark.parametrize("profile", PROFILES)
def test_the_table_of_profiles_is_true(profile: Profile) -> None:
    tiers, shown = PROFILES[profile], rows(profile)
    for name in ("jpeg", "heic"):
        settings = [getattr(tier, name) for tier in tiers]
        assert shown[name.upper()] == [[s.quality, int(s.floor)] if s else [] for s in settings]
    for title, name in (("H.264", "h264"), ("HEVC", "hevc")):
        films = [getattr(tier, name) for tier in tiers]
        assert shown[title] == [[f.crf, f.floor, f.floor_p5] if f else [] for f in films]
