import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageChops, PngImagePlugin

from services.compressor.encode import Job, compress
from services.compressor.stills import gate, jpeg as parts
from services.compressor.stills.decode import decoded
from services.compressor.stills.gate import Original
from services.compressor.tiers.policy import Kind
from services.compressor.tiers.tier import Still, Tier
from services.compressor.verdict import Compressed, Keep, Left, Limits, Unreadable
from tests.unit.compressor import gain_maps, samples

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
    assert (answer.encoder.split()[0], answer.tier) == ("jpegli", "heavy")


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


@pytest.mark.parametrize("progressive", [False, True])
async def test_a_jpeg_whose_picture_is_damaged_is_left_though_decoders_fill_it_up(
    tmp_path: Path, job: Make, progressive: bool
) -> None:
    source = samples.jpeg(tmp_path / "a.jpg", progressive=progressive)
    data = source.read_bytes()
    scan = data.index(b"\xff\xda")
    source.write_bytes(data[: scan + (len(data) - scan) // 3] + data[-2:])
    answer = await left(job(source))
    assert (answer.reason, answer.readable) == ("its picture is damaged", None)


async def test_a_tier_that_leaves_everything_still_finds_cut_off_pictures(
    tmp_path: Path, job: Make
) -> None:
    idle = (Tier("idle", None),)
    whole = samples.jpeg(tmp_path / "a.jpg").read_bytes()
    (tmp_path / "zeros.jpg").write_bytes(whole[: len(whole) * 2 // 3].ljust(len(whole), b"\0"))
    (tmp_path / "cut.png").write_bytes(samples.plot(tmp_path / "a.png").read_bytes()[:-12])
    for name in ("zeros.jpg", "cut.png"):
        assert isinstance(await compress(job(tmp_path / name, tiers=idle)), Unreadable)
    assert (await left(job(tmp_path / "a.jpg", tiers=idle))).readable is True


@pytest.mark.parametrize(("subsampling", "encoder"), [(0, "Pillow"), (1, "Pillow"), (2, "jpegli")])
async def test_colours_are_stored_no_coarser_than_before(
    tmp_path: Path, job: Make, subsampling: int, encoder: str
) -> None:
    source = samples.jpeg(tmp_path / "a.jpg", subsampling=subsampling)
    answer = await compressed(job(source))
    assert answer.encoder.startswith(encoder)
    old, new = (parts.take_apart(path.read_bytes()) for path in (source, answer.path))
    assert parts.sampling(old) == parts.sampling(new)
    assert new.frame
    assert new.frame.marker == 0xC2  # progressive: stored anew by mozjpeg


async def test_without_jpegli_pillow_does_it(
    tmp_path: Path, job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "pyjpegli.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "none"))
    answer = await compressed(job(samples.jpeg(tmp_path / "a.jpg", subsampling=2)))
    assert answer.encoder.startswith("Pillow")


async def test_a_grey_jpeg_stays_grey(tmp_path: Path, job: Make) -> None:
    answer = await compressed(job(samples.jpeg(tmp_path / "a.jpg", mode="L")))
    with Image.open(answer.path) as new:
        assert new.mode == "L"


async def test_the_quality_rises_until_the_look_is_kept(tmp_path: Path, job: Make) -> None:
    source = samples.jpeg(tmp_path / "a.jpg")
    tiers = (Tier("one", None, jpeg=Still("jpegli", 30, 70, tries=10)),)
    answer = await compressed(job(source, tiers=tiers))
    numbers = dict(part.split("=") for part in answer.settings.split(";")[0].split() if "=" in part)
    assert int(numbers["quality"]) > 30
    assert int(numbers["tries"]) == 1 + (int(numbers["quality"]) - 30) // 5
    assert float(numbers["score"]) >= float(numbers["floor"]) == 70
    assert float(numbers["ratio"]) == round(answer.size / source.stat().st_size, 3)


async def test_a_look_that_is_not_kept_leaves_the_original(tmp_path: Path, job: Make) -> None:
    tiers = (Tier("one", None, jpeg=Still("jpegli", 10, 90, tries=2)),)
    answer = await left(job(samples.jpeg(tmp_path / "a.jpg"), tiers=tiers))
    assert "at quality 10, score" in answer.reason
    assert "a score of 90 is asked for" in answer.reason


async def test_a_file_that_is_small_already_is_tried_at_lower_qualities_while_its_look_is_kept(
    tmp_path: Path, job: Make
) -> None:
    samples.picture().save(tmp_path / "a.jpg", quality=80)
    one = Still("jpegli", 85, 20)
    for lowest, floor, outcome in ((None, 20, "not be smaller"), (45, 95, "suffer"), (45, 20, "")):
        tiers = (Tier("one", None, jpeg=replace(one, lowest=lowest, floor=floor)),)
        this = job(tmp_path / "a.jpg", tiers=tiers)
        if outcome:
            assert outcome in (await left(this)).reason
        else:
            answer = await compressed(this)
            assert int(re.findall(r"quality=(\d+)", answer.settings)[0]) < 85


async def test_a_gain_map_is_carried_over_or_the_photo_left(tmp_path: Path, job: Make) -> None:
    plain = samples.jpeg(tmp_path / "a.jpg").read_bytes()
    rough = gain_maps.google(plain, primary=' Item:Length="100000"')
    with_length = rough.replace(b'"100000"', b'"%06d"' % parts.take_apart(rough).end)
    for whole in (gain_maps.apple(plain), gain_maps.google(plain), with_length):
        (tmp_path / "b.jpg").write_bytes(whole)
        this = job(tmp_path / "b.jpg")
        answer = await compressed(this)
        assert answer.path.read_bytes().endswith(gain_maps.gain_map())
        answer.path.unlink()
    (tmp_path / "c.jpg").write_bytes(plain + gain_maps.gain_map())
    assert "no index names" in (await left(job(tmp_path / "c.jpg"))).reason


async def test_a_name_that_contradicts_the_content_leaves_the_file(
    tmp_path: Path, job: Make
) -> None:
    source = samples.jpeg(tmp_path / "a.jpg").rename(tmp_path / "a.png")
    assert "JPEG by its content" in (await left(job(source))).reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "the HEIC cannot be decoded: it is damaged, or of a form that is not known here"),
    ],
)  # fmt: skip
async def test_why_a_file_is_unreadable_is_said_in_words_for_people(
    tmp_path: Path, job: Make, data: bytes, reason: str
) -> None:
    (tmp_path / "a.heic").write_bytes(data)
    assert await compress(job(tmp_path / "a.heic")) == Unreadable(reason)


async def test_a_text_named_jpg_is_unreadable(tmp_path: Path, job: Make) -> None:
    (tmp_path / "a.jpg").write_text("not a picture at all")
    assert await compress(job(tmp_path / "a.jpg")) == Unreadable(
        "the file is of no kind that is known here"
    )


async def test_a_decompression_bomb_is_refused_without_decoding(tmp_path: Path, job: Make) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    answer = await left(job(tmp_path / "bomb.png"))
    assert "400,000,000 pixels" in answer.reason
    assert answer.readable is None


@pytest.mark.parametrize(("side", "limit"), [(9000, 300), (4000, 440)])
async def test_a_picture_that_needs_too_much_memory_is_left_unexamined(
    tmp_path: Path, job: Make, side: int, limit: int
) -> None:
    """The decoder raises; the packer of PNGs ends its process."""
    Image.new("RGB", (side, side)).save(tmp_path / "big.png", compress_level=1)
    answer = await left(job(tmp_path / "big.png", limits=Limits(memory=limit << 20)))
    assert answer.reason == f"it needs more than {limit} MiB of memory"
    assert answer.readable is None


async def test_apples_index_into_the_pixels_does_not_outlive_them(
    tmp_path: Path, job: Make
) -> None:
    source = samples.plot(tmp_path / "a.png")
    data = source.read_bytes()
    index = samples._chunk(b"iDOT", bytes(28))
    source.write_bytes(data[:33] + index + data[33:])
    answer = await compress(job(source))
    assert isinstance(answer, Compressed), answer
    assert b"iDOT" not in answer.path.read_bytes()


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


@pytest.mark.parametrize("mode", ["I;16", "RGB", "RGBA", "LA"])
async def test_a_png_of_16_bits_keeps_every_bit(tmp_path: Path, job: Make, mode: str) -> None:
    source = samples.deep_png(tmp_path / "deep.png", mode)
    if mode == "LA":
        assert "grey and alpha" in (await left(job(source))).reason
        return
    answer = await compressed(job(source))
    assert samples.png_rows(answer.path) == samples.png_rows(source)


def test_a_difference_in_the_low_bits_alone_is_seen(tmp_path: Path) -> None:
    source = samples.deep_png(tmp_path / "a.png", "RGB").read_bytes()
    other = samples.deep_png(tmp_path / "b.png", "RGB", low=1).read_bytes()
    original = Original(source, decoded(source, Limits(), Kind.PNG), Kind.PNG, Limits())
    gate.check_pixels(original, source)
    with pytest.raises(Keep, match="low bits"):
        gate.check_pixels(original, other)


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


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [(4, 12, "12 bits"), (1, 0xC3, "SOF3"), (1, 0xC5, "SOF5"), (1, 0xC9, "SOF9")],
)
async def test_a_jpeg_of_a_rare_kind_is_left_unexamined(
    tmp_path: Path, job: Make, at: int, value: int, reason: str
) -> None:
    data = bytearray(samples.jpeg(tmp_path / "a.jpg").read_bytes())
    data[data.index(b"\xff\xc0") + at] = value
    (tmp_path / "a.jpg").write_bytes(data)
    answer = await left(job(tmp_path / "a.jpg"))
    assert reason in answer.reason
    assert answer.readable is None


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


async def test_a_heic_of_10_bits_is_left(tmp_path: Path, job: Make) -> None:
    import pillow_heif

    deep = pillow_heif.from_bytes("RGB;16", (64, 64), bytes(64 * 64 * 6))
    deep.save(tmp_path / "deep.heic")
    assert "10 bits" in (await left(job(tmp_path / "deep.heic"))).reason


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
async def test_a_heic_rendition_looks_as_the_original_in_every_orientation(
    tmp_path: Path, job: Make, turn: int
) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    source = tmp_path / "a.heic"
    samples.picture().save(source, quality=95, exif=samples.exif(turn), xmp=b"<x:xmpmeta/>")
    answer = await compressed(job(source))
    assert "score=" in answer.settings
    with Image.open(source) as old, Image.open(answer.path) as new:
        assert new.size == old.size == ((240, 320) if turn in (6, 8) else (320, 240))
        assert new.getexif().get(0x0112, 1) == 1
        assert new.info["xmp"] == b"<x:xmpmeta/>"
        difference = ImageChops.difference(old.resize((4, 4)), new.resize((4, 4)))
        assert max(difference.tobytes()) < 12


async def test_a_heic_with_an_unknown_item_is_left(tmp_path: Path, job: Make) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    samples.picture().save(tmp_path / "a.heic", quality=95)
    data = (tmp_path / "a.heic").read_bytes()
    (tmp_path / "a.heic").write_bytes(data + b"\0\0\0\x0cmpvdfilm")
    assert "would be lost" in (await left(job(tmp_path / "a.heic"))).reason


async def test_a_heic_with_a_hole_is_left_though_its_decoder_fills_it_up(
    tmp_path: Path, job: Make
) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    samples.picture().save(tmp_path / "a.heic", quality=95)
    data = (tmp_path / "a.heic").read_bytes()
    (tmp_path / "a.heic").write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    answer = await left(job(tmp_path / "a.heic"))
    assert "hole of zeros" in answer.reason
    assert answer.readable is None


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
