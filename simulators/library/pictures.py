"""Paints pictures that behave like photos under compression; in memory only, nothing is read."""

from __future__ import annotations

import random
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

CANVAS = (2000, 1500)
_PALETTES = (
    ("#14213d", "#6b8f71", "#f4e9cd"),
    ("#2b1d0e", "#b5651d", "#ffe8c2"),
    ("#0b2b26", "#3d8361", "#eef2e6"),
    ("#22223b", "#9a6d7d", "#f2e9e4"),
)
_SKIES = (
    ("#1d4e89", "#cfe8ff"),
    ("#3c1642", "#ff9f6b"),
    ("#5b7c99", "#e6edf2"),
    ("#0f3d5c", "#ffd9a0"),
)


@dataclass(frozen=True)
class Studio:
    """A few painted scenes and a sheet of sensor noise, from which every picture is cut."""

    scenes: tuple[Image.Image, ...]
    grain: Image.Image

    def picture(self, rng: random.Random, size: tuple[int, int], grain: int = 16) -> Image.Image:
        """An RGB picture of that size, decided by `rng` alone; `grain` in levels of 255."""
        front, back = rng.sample(self.scenes, 2)
        cut = Image.blend(_cut(front, rng, size), _cut(back, rng, size), rng.uniform(0.05, 0.3))
        tinted = _tint(cut, rng)
        return ImageChops.add(tinted, self._noise(rng, size, grain), 1, -grain // 2)

    def _noise(self, rng: random.Random, size: tuple[int, int], grain: int) -> Image.Image:
        left, top = rng.randrange(256), rng.randrange(256)
        tile = self.grain.point([value * grain // 255 for value in range(256)])
        sheet = Image.new("L", size)
        for x in range(-left, size[0], tile.width):
            for y in range(-top, size[1], tile.height):
                sheet.paste(tile, (x, y))
        return Image.merge("RGB", (sheet, sheet, sheet))


def studio(seed: int) -> Studio:
    """Paints the scenes: four of 3 megapixels, the same for the same seed."""
    rng = random.Random(f"{seed}:studio")  # noqa: S311
    scenes = tuple(_scene(rng, number) for number in range(len(_PALETTES)))
    sheet = _static(rng, (1024, 1024)).filter(ImageFilter.GaussianBlur(0.6))
    return Studio(scenes, ImageOps.autocontrast(sheet))


def _static(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    return Image.frombytes("L", size, rng.randbytes(size[0] * size[1]))


def _clouds(rng: random.Random) -> Image.Image:
    """Noise at six scales, each finer one half as strong: the spectrum of natural pictures."""
    clouds = _static(rng, (640, 480)).resize(CANVAS, Image.Resampling.BILINEAR)
    for scale in (160, 40, 16, 8, 4):
        layer = _static(rng, (scale, scale * 3 // 4)).resize(CANVAS, Image.Resampling.BICUBIC)
        clouds = Image.blend(clouds, layer, 0.55)
    return ImageOps.autocontrast(clouds, cutoff=1)


def _scene(rng: random.Random, number: int) -> Image.Image:
    dark, middle, light = _PALETTES[number]
    ground = ImageOps.colorize(_clouds(rng), dark, light, middle)
    top, bottom = _SKIES[number]
    sky = ImageOps.colorize(Image.linear_gradient("L").resize(CANVAS), top, bottom)
    scene = Image.composite(ground, Image.blend(sky, ground, 0.12), _ridge(rng))
    return _with_subjects(scene, rng)


def _ridge(rng: random.Random) -> Image.Image:
    mask = Image.new("L", CANVAS, 0)
    height = rng.randrange(400, 800)
    line = [(0, CANVAS[1])]
    for x in range(0, CANVAS[0] + 40, 40):
        height = max(200, min(1000, height + rng.randrange(-45, 46)))
        line.append((x, height))
    ImageDraw.Draw(mask).polygon([*line, (CANVAS[0], CANVAS[1])], fill=255)
    return mask.filter(ImageFilter.GaussianBlur(1.5))


def _with_subjects(scene: Image.Image, rng: random.Random) -> Image.Image:
    mask = Image.new("L", CANVAS, 0)
    draw = ImageDraw.Draw(mask)
    for _ in range(rng.randrange(6, 12)):
        x, y = rng.randrange(CANVAS[0]), rng.randrange(CANVAS[1])
        wide, high = rng.randrange(40, 260), rng.randrange(40, 260)
        draw.ellipse((x, y, x + wide, y + high), fill=rng.randrange(90, 220))
    edges = mask.filter(ImageFilter.GaussianBlur(2))
    return Image.composite(ImageOps.mirror(ImageOps.solarize(scene, 140)), scene, edges)


def _cut(scene: Image.Image, rng: random.Random, size: tuple[int, int]) -> Image.Image:
    share = rng.uniform(0.62, 0.98)
    wide = min(CANVAS[0], CANVAS[1] * size[0] / size[1]) * share
    high = wide * size[1] / size[0]
    left, top = rng.uniform(0, CANVAS[0] - wide), rng.uniform(0, CANVAS[1] - high)
    box = (left, top, left + wide, top + high)
    cut = scene.resize(size, Image.Resampling.BILINEAR, box)
    return ImageOps.mirror(cut) if rng.random() < 0.5 else cut


def _tint(picture: Image.Image, rng: random.Random) -> Image.Image:
    table: list[int] = []
    for _ in range(3):
        gain, lift = rng.uniform(0.8, 1.08), rng.uniform(0, 14)
        table += [min(255, int(value * gain + lift)) for value in range(256)]
    return picture.point(table)


def screenshot(rng: random.Random) -> Image.Image:
    """A phone's screen: flat panels, lines of text, one blurred picture; 828 x 1792."""
    screen = Image.new("RGB", (828, 1792), "#f2f2f7")
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, 828, 96), fill=rng.choice(("#0a84ff", "#30d158", "#ff9f0a")))
    for row in range(120, 1760, 164):
        draw.rounded_rectangle((24, row, 804, row + 140), 24, fill="white")
        draw.ellipse((48, row + 24, 140, row + 116), fill=f"#{rng.getrandbits(24):06x}")
        draw.text((168, row + 30), f"Message {rng.randrange(10_000)}", fill="black")
        draw.text((168, row + 70), rng.randbytes(24).hex(), fill="#8e8e93")
    return screen
