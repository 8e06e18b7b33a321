"""What was typed into a form whose request is too large to be read whole."""

import time
from typing import BinaryIO

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Field, MultipartDecoder, Preamble

# Room for every text of our longest form, each character of which may take four bytes.
FIRST_BYTES, MOST_PARTS = 64 * 1024, 50
# A photo or a film that was taken for one; who sends more may see the connection reset.
MOST_DRAINED_BYTES, DRAIN_SECONDS = 256 * 1024 * 1024, 120


def first_fields(body: BinaryIO, content_type: str) -> dict[str, str]:
    """Return the texts at the beginning of a form that sends files.

    Our forms have their file last, so all that was typed comes before it.

    :param body: what was sent, of which nothing has been read yet.
    :param content_type: the header Content-Type.
    :return: the texts by field name, as far as they can be read.
    """
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data" or "boundary" not in options:
        return {}
    boundary = options["boundary"].encode("latin-1", "replace")
    decoder = MultipartDecoder(boundary, max_parts=MOST_PARTS)
    fields: dict[str, str] = {}
    try:
        decoder.receive_data(body.read(FIRST_BYTES))
        name, content = "", b""
        while isinstance(event := decoder.next_event(), Preamble | Field | Data):
            if isinstance(event, Field):
                name, content = event.name, b""
            elif isinstance(event, Data):
                content += event.data
                if not event.more_data:
                    fields[name] = content.decode(errors="replace")
    except (ValueError, OSError, RequestEntityTooLarge):
        # What is no form, or was not sent whole, shows as far as it was understood.
        return fields
    return fields


def drain(body: BinaryIO) -> None:
    """Read the rest of what is not wanted, a block at a time, and keep none of it.

    A browser reads the answer once it has sent everything. If the server answers and closes
    before, the browser mostly shows that the connection was reset (RFC 9112, 9.6); gunicorn
    itself reads 64 KiB more.

    :param body: what was sent; more than ``MOST_DRAINED_BYTES``, or what comes after
        ``DRAIN_SECONDS``, is left unread.
    """
    end = time.monotonic() + DRAIN_SECONDS
    left = MOST_DRAINED_BYTES
    try:
        while left > 0 and time.monotonic() < end:
            block = body.read(min(left, FIRST_BYTES))
            if not block:
                return
            left -= len(block)
    except OSError:
        return  # Who went away reads no answer.
