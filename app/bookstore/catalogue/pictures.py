"""Pictures of covers: take what a seller uploads apart, and write it anew in two sizes."""

import hashlib
import struct
import threading
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import IO

from PIL import Image, ImageOps

from bookstore.core.web.i18n import gettext

FORMATS = ("JPEG", "PNG", "WEBP")
ACCEPTED_TYPES = "image/jpeg,image/png,image/webp"
LARGEST_UPLOAD_BYTES = 10 * 1024 * 1024
# A JPEG is decoded at a fraction of its size, others whole, at up to twelve bytes a pixel.
MOST_PIXELS = {"JPEG": 25_000_000, "PNG": 10_000_000, "WEBP": 10_000_000}
LEAST_SIDE = 40
WIDTHS = (320, 640)
QUALITY = 80

# What Pillow raises on damaged data, beside OSError, differs by format and place of the damage.
_DAMAGED = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    SyntaxError,
    struct.error,
    zlib.error,
)
# Decoding takes much memory: one picture at a time in each process.
_decoding = threading.Lock()


class PictureRefused(Exception):
    """An upload is not taken as a cover; the message says why in the reader's language."""


@dataclass(frozen=True)
class Picture:
    """A cover as it is served: its name, by its content, and its bytes by width."""

    name: str
    sizes: dict[int, bytes]


def height_of(width: int) -> int:
    """Return the height of a cover of a width, in pixels; covers are two wide, three high."""
    return width * 3 // 2


def file_too_large(sent_bytes: int | None = None) -> str:
    """Return the sentence for a file that is larger than a cover may be.

    :param sent_bytes: the size of the request that it came in, where that is known.
    """
    if sent_bytes is None:
        return gettext("This file is larger than 10 MB. Choose a smaller one.")
    size = round(sent_bytes / 1024 / 1024)
    return gettext(
        "This file has about %(size)s MB, and a cover may have 10. Choose a smaller one.", size=size
    )


def read_picture(upload: IO[bytes], file_name: str) -> Picture:
    """Turn an uploaded JPEG, PNG or WebP into a cover.

    It is decoded and encoded anew, so that nothing of the file is kept but what can be seen: no
    metadata, and nothing that was hidden behind the picture's end.

    :param file_name: as the browser sent it; it is looked at and never used.
    :raise PictureRefused: with a sentence for the seller.
    """
    if any(char in file_name for char in "/\\\0"):
        raise PictureRefused(gettext("The file's name holds a path. Give the file a plain name."))
    content = upload.read(LARGEST_UPLOAD_BYTES + 1)
    if len(content) > LARGEST_UPLOAD_BYTES:
        raise PictureRefused(file_too_large())
    try:
        with _decoding, Image.open(BytesIO(content), formats=FORMATS) as opened:
            _check_size(*opened.size, MOST_PIXELS[str(opened.format)])
            sizes = _encode(opened)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        # The warning is raised where a process treats warnings as errors.
        raise _too_many_pixels() from None
    except _DAMAGED:
        raise PictureRefused(
            gettext("This is not a picture that the shop can read. Choose a JPEG, PNG or WebP.")
        ) from None
    digest = hashlib.sha256(b"".join(sizes[width] for width in WIDTHS))
    return Picture(digest.hexdigest()[:32], sizes)


def _check_size(width: int, height: int, most: int) -> None:
    # A strip can hardly be reduced, so it must be smaller than a picture of a usual shape.
    if width * height > most or max(width, height) ** 2 > 3 * most:
        raise _too_many_pixels()
    if min(width, height) < LEAST_SIDE:
        raise PictureRefused(gettext("This picture is too small. It needs 40 pixels on each side."))


def _too_many_pixels() -> PictureRefused:
    return PictureRefused(
        gettext("This picture has too many pixels: a JPEG may have 25 million, others 10 million.")
    )


def _encode(opened: Image.Image) -> dict[int, bytes]:
    largest = (max(WIDTHS), height_of(max(WIDTHS)))
    # A JPEG of a camera is decoded at a fraction of its size at once; either side may be up.
    opened.draft("RGB", (largest[1], largest[1]))
    # Every step copies all pixels, so the fewest that two sharp sizes need are left first.
    long, short = max(opened.size), min(opened.size)
    surplus = min(long // (2 * largest[1]), short // (2 * largest[0]))
    plain = opened if opened.mode in {"L", "LA", "RGB", "RGBA"} else opened.convert("RGBA")
    small = plain.reduce(surplus) if surplus > 1 else plain
    seen = ImageOps.exif_transpose(small).convert("RGBA")
    full = Image.new("RGB", seen.size, "white")
    full.paste(seen, mask=seen.getchannel("A"))
    sizes = {}
    for width in WIDTHS:
        written = BytesIO()
        fitted = ImageOps.fit(full, (width, height_of(width)), Image.Resampling.LANCZOS)
        fitted.save(written, "WEBP", quality=QUALITY)
        sizes[width] = written.getvalue()
    return sizes
