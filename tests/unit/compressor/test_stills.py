from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageChops, PngImagePlugin

from services.compressor import jpeg as parts
from services.compressor.encode import Job, compress
from services.compressor.policy import Tier
from services.compressor.verdict import Compressed, Left, Limits, Unreadable
from tests.unit.compressor import samples

Make = Callable[..., Job]


async def left(job: Job) -> Left:
    answer = await compress(job)
    assert isinstance(answer, Left)
    assert not job.target.exists()
    return answer


async def compressed(job: Job) -> Compressed:
    before = job.source.read_bytes()
    answer = await compress(job)
    assert isinstance(answer, Compressed), answer
    assert job.source.read_bytes() == before
    assert answer.path == job.target
    assert answer.size == job.target.stat().st_size <= 0.9 * len(before)
    return answer


async def test_a_jpeg_keeps_exif_maker_note_icc_and_orientation(tmp_path: Path, job: Make) -> None:
    source = samples.jpeg(tmp_path / "a.jpg", comment=b"from the lake", xmp=b"<x:xmpmeta/>")
    answer = await compressed(job(source))
    with Image.open(source) as old, Image.open(answer.path) as new:
        assert samples.MAKER_NOTE in new.info["exif"]
        for name in ("exif", "icc_profile", "xmp", "comment"):
            assert old.info[name] == new.info[name]
        assert new.getexif()[0x0112] == 6
        assert new.size == old.size == (answer.width, answer.height)
    assert (answer.encoder.split()[0], answer.tier) == ("Pillow", "heavy")


async def test_segments_that_pillow_does_not_know_survive(tmp_path: Path, job: Make) -> None:
    source = samples.jpeg(tmp_path / "a.jpg")
    iptc = b"\xff\xed\x00\x16Photoshop 3.0\x00IPTC..\x00"[: 2 + 0x16]
    data = source.read_bytes()
    source.write_bytes(data[:2] + iptc + data[2:] + b"SEFT trailer")
    answer = await compressed(job(source))
    made = answer.path.read_bytes()
    assert iptc in made
    assert made.endswith(b"SEFT trailer")


async def test_a_younger_photo_is_compressed_less(tmp_path: Path, job: Make) -> None:
    young = await compressed(job(samples.jpeg(tmp_path / "young.jpg"), days=10))
    old = await compressed(job(samples.jpeg(tmp_path / "old.jpg"), days=2000))
    assert (young.tier, old.tier) == ("light", "heavy")
    assert old.size < young.size


async def test_a_rendition_that_is_not_smaller_is_dropped(tmp_path: Path, job: Make) -> None:
    samples.picture().save(tmp_path / "a.jpg", quality=20)
    answer = await left(job(tmp_path / "a.jpg"))
    assert "would not be smaller" in answer.reason
    assert answer.readable is True


async def test_a_truncated_jpeg_is_unreadable_in_every_tier(tmp_path: Path, job: Make) -> None:
    whole = samples.jpeg(tmp_path / "whole.jpg").read_bytes()
    for days, cut in ((10, len(whole) // 2), (2000, len(whole) - 2), (2000, 40)):
        (tmp_path / "cut.jpg").write_bytes(whole[:cut])
        assert isinstance(await compress(job(tmp_path / "cut.jpg", days)), Unreadable)


async def test_a_jpeg_whose_end_is_zeros_is_unreadable(tmp_path: Path, job: Make) -> None:
    """A sparse download has the right length; libjpeg fills the rest with grey and says nothing."""
    whole = samples.jpeg(tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) * 2 // 3].ljust(len(whole), b"\0"))
    assert isinstance(await compress(job(tmp_path / "a.jpg")), Unreadable)


async def test_a_tier_that_leaves_everything_still_finds_cut_off_pictures(
    tmp_path: Path, job: Make
) -> None:
    idle = (Tier("idle", None, None, None, png=False, video_crf=None),)
    whole = samples.jpeg(tmp_path / "a.jpg").read_bytes()
    (tmp_path / "zeros.jpg").write_bytes(whole[: len(whole) * 2 // 3].ljust(len(whole), b"\0"))
    (tmp_path / "cut.png").write_bytes(samples.plot(tmp_path / "a.png").read_bytes()[:-12])
    for name in ("zeros.jpg", "cut.png"):
        assert isinstance(await compress(job(tmp_path / name, tiers=idle)), Unreadable)
    assert (await left(job(tmp_path / "a.jpg", tiers=idle))).readable is True


async def test_a_text_named_jpg_is_unreadable(tmp_path: Path, job: Make) -> None:
    (tmp_path / "a.jpg").write_text("not a picture at all")
    assert await compress(job(tmp_path / "a.jpg")) == Unreadable(
        "the file is neither picture nor video"
    )


async def test_a_decompression_bomb_is_refused_without_decoding(tmp_path: Path, job: Make) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    answer = await left(job(tmp_path / "bomb.png"))
    assert "400,000,000 pixels" in answer.reason
    assert answer.readable is None


async def test_a_picture_that_needs_too_much_memory_is_left_unexamined(
    tmp_path: Path, job: Make
) -> None:
    Image.new("RGB", (9000, 9000)).save(tmp_path / "big.png")
    answer = await left(job(tmp_path / "big.png", limits=Limits(memory=250 << 20)))
    assert "memory" in answer.reason
    assert answer.readable is None


async def test_a_palette_png_keeps_every_pixel_and_chunk(tmp_path: Path, job: Make) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Software", "plotter")
    source = samples.plot(
        tmp_path / "a.png", pnginfo=text, icc_profile=samples.icc(), transparency=3
    )
    answer = await compressed(job(source))
    with Image.open(source) as old, Image.open(answer.path) as new:
        assert new.mode == "P"
        assert new.info["icc_profile"] == samples.icc()
        assert new.info["Software"] == "plotter"
        assert (
            ImageChops.difference(old.convert("RGBA"), new.convert("RGBA")).getbbox(
                alpha_only=False
            )
            is None
        )


async def test_a_png_of_16_bits_is_left(tmp_path: Path, job: Make) -> None:
    Image.new("I;16", (64, 64), 300).save(tmp_path / "deep.png")
    assert "16 bits" in (await left(job(tmp_path / "deep.png"))).reason


async def test_a_damaged_png_is_unreadable(tmp_path: Path, job: Make) -> None:
    data = bytearray(samples.plot(tmp_path / "a.png").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "a.png").write_bytes(data)
    assert isinstance(await compress(job(tmp_path / "a.png")), Unreadable)


async def test_an_animation_is_left(tmp_path: Path, job: Make) -> None:
    frames = [samples.picture((32, 32)).rotate(turn) for turn in (0, 90)]
    for name in ("a.png", "a.gif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        assert (await left(job(tmp_path / name))).readable is True


async def test_cmyk_is_left(tmp_path: Path, job: Make) -> None:
    assert "CMYK" in (await left(job(samples.jpeg(tmp_path / "a.jpg", mode="CMYK")))).reason


@pytest.mark.parametrize(
    ("segment", "reason"),
    [
        (b"\xff\xe2\x00\x06MPF\0"[:8], "cannot be trusted"),
        (b"\xff\xe1\x00\x10MotionPhoto='1'"[:18], "motion photo"),
    ],
)
async def test_what_could_not_be_carried_over_is_left(
    tmp_path: Path, job: Make, segment: bytes, reason: str
) -> None:
    data = samples.jpeg(tmp_path / "a.jpg").read_bytes()
    size = int.from_bytes(segment[2:4]) + 2
    (tmp_path / "a.jpg").write_bytes(data[:2] + segment.ljust(size, b" ") + data[2:])
    answer = await left(job(tmp_path / "a.jpg"))
    assert reason in answer.reason


async def test_raw_is_kept_unexamined(tmp_path: Path, job: Make) -> None:
    (tmp_path / "a.dng").write_bytes(b"II*\0" + bytes(100))
    assert (await left(job(tmp_path / "a.dng"))).readable is None


async def test_a_heic_is_turned_once_and_keeps_its_metadata(tmp_path: Path, job: Make) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    samples.picture().save(
        tmp_path / "a.heic", quality=95, exif=samples.exif(), icc_profile=samples.icc()
    )
    answer = await compressed(job(tmp_path / "a.heic"))
    with Image.open(tmp_path / "a.heic") as old, Image.open(answer.path) as new:
        assert new.size == old.size == (240, 320)
        assert samples.MAKER_NOTE in new.info["exif"]
        assert new.info["icc_profile"] == samples.icc()
        corner = (0, 0, 40, 40)
        difference = ImageChops.difference(
            old.crop(corner).resize((1, 1)), new.crop(corner).resize((1, 1))
        )
        assert max(difference.tobytes()) < 12


async def test_a_heic_of_10_bits_or_a_young_one_is_left(tmp_path: Path, job: Make) -> None:
    import pillow_heif

    deep = pillow_heif.from_bytes("RGB;16", (64, 64), bytes(64 * 64 * 6))
    deep.save(tmp_path / "deep.heic")
    assert "10 bits" in (await left(job(tmp_path / "deep.heic"))).reason
    assert "tier light" in (await left(job(tmp_path / "deep.heic", days=3))).reason


async def test_a_truncated_heic_is_unreadable(tmp_path: Path, job: Make) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    samples.picture().save(tmp_path / "a.heic", quality=95)
    data = (tmp_path / "a.heic").read_bytes()
    (tmp_path / "a.heic").write_bytes(data[: len(data) * 3 // 4])
    assert isinstance(await compress(job(tmp_path / "a.heic", days=10)), Unreadable)


def test_a_progressive_jpeg_is_read_to_its_end(tmp_path: Path) -> None:
    data = samples.jpeg(tmp_path / "a.jpg", progressive=True).read_bytes()
    assert parts.take_apart(data + b"behind").trailer == b"behind"
