"""Packs a JPEG as JPEG XL so that its very bytes can be had back, and gives them back; it changes no coefficient and no file.

What is packed is the JPEG's own coefficients, better, and beside them all that lies around them (metadata, the order of its tables, what is
behind its end). libjxl does both; whether the bytes come back the same is for the caller to see.
"""

from __future__ import annotations

from importlib.metadata import version

from services.compressor.verdict import Broken, Keep

SUFFIX = ".jxl"
"""What a packed file's name ends with, behind the JPEG's own name: `IMG_1.JPG.jxl` holds `IMG_1.JPG`."""
_BOX = b"\0\0\0\x0cJXL \r\n\x87\n"


def name() -> str:
    """Return the words for what packs."""
    return f"libjxl (imagecodecs {version('imagecodecs')})"


def pack(data: bytes) -> bytes:
    """Return `data`, a whole JPEG, as JPEG XL; raises Keep for a kind of JPEG that cannot be packed."""
    from imagecodecs import JpegxlError, jpegxl_encode_jpeg

    try:
        return bytes(jpegxl_encode_jpeg(data, usecontainer=True, numthreads=1))
    except (JpegxlError, ValueError) as error:
        raise Keep("JPEG XL cannot hold this kind of JPEG") from error


def unpack(data: bytes) -> bytes:
    """Return the JPEG that `pack` was given; raises Broken when there is none inside."""
    from imagecodecs import JpegxlError, jpegxl_decode_jpeg

    if not data.startswith(_BOX):
        raise Broken("it is no JPEG XL file that holds a JPEG")
    try:
        return bytes(jpegxl_decode_jpeg(data, numthreads=1))
    except (JpegxlError, ValueError) as error:
        raise Broken(f"no JPEG can be had back from it: {error}") from error
