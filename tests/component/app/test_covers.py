"""Covers: what is taken as one, how it is kept and served, and what is refused."""

from __future__ import annotations

import re
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import event, update
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from bookstore.catalogue.coverfiles import Covers, file_name
from bookstore.catalogue.models import Book
from bookstore.catalogue.pictures import WIDTHS, PictureRefused, read_picture
from bookstore.core.config.settings import Settings
from bookstore.core.db.database import Database
from bookstore.core.observability.health import Readiness
from bookstore.core.services import service
from bookstore.factory import create_app
from tests.component.app.databases import on_sqlite
from tests.component.app.shopper import BOOK, Shopper

KINDS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}


def picture(kind: str = "JPEG", color: str = "teal", size: tuple[int, int] = (300, 450)) -> bytes:
    written = BytesIO()
    Image.new("RGB", size, color).save(written, kind)
    return written.getvalue()


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that says how large it is and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def send(
    person: Shopper, path: str, content: bytes | None, name: str = "cover.jpg", **typed: str
) -> TestResponse:
    data: dict[str, object] = {**BOOK, **typed}
    if content is not None:
        data["cover"] = FileStorage(BytesIO(content), name)
    return person.post(path, data)  # type: ignore[arg-type]


def publish(person: Shopper, content: bytes, **typed: str) -> int:
    answer = send(person, "/sell", content, **typed)
    assert answer.status_code == 303, answer.text
    return int(answer.location.rsplit("/", 1)[1])


def cover_paths(page: str) -> list[str]:
    return sorted(set(re.findall(r"/covers/[^\s\",]+", page)))


@pytest.fixture
def files(settings: Settings) -> Callable[[], list[str]]:
    """Give a way to list the files of covers, those that are half written too."""
    folder = settings.uploads / "covers"
    return lambda: sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("kind", KINDS.values())
def test_a_cover_is_shown_in_two_sizes_and_may_be_kept_for_a_while(
    seller: Shopper, visitor: Shopper, kind: str
) -> None:
    book = publish(seller, picture(kind))
    for path in ("/", f"/books/{book}"):
        page = visitor.get(path).text
        shown = re.search(r"<img [^>]+>", page)
        assert shown is not None
        for attribute in ('width="320"', 'height="480"', 'alt="Cover of “Rayuela”"', "640w"):
            assert attribute in shown[0]
        assert ('loading="lazy"' in shown[0]) == (path == "/")
    for path, width in zip(cover_paths(page), WIDTHS, strict=True):
        answer = visitor.get(path)
        assert answer.status_code == 200
        assert answer.mimetype == "image/webp"
        assert answer.headers["Cache-Control"] == "public, max-age=600"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers
        with Image.open(BytesIO(answer.data)) as served:
            assert served.size == (width, width * 3 // 2)


@on_sqlite
def test_a_cover_asks_the_database_once(seller: Shopper, database: Database) -> None:
    page = seller.get(f"/books/{publish(seller, picture())}").text
    asked: list[str] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _c, _cur, statement, *_: asked.append(statement),
    )
    for path, _ in zip(cover_paths(page), WIDTHS, strict=True):
        assert seller.get(path).status_code == 200
    assert len([statement for statement in asked if statement != "BEGIN"]) == len(WIDTHS)


@on_sqlite
def test_a_book_without_a_picture_has_a_drawn_cover(seller: Shopper, visitor: Shopper) -> None:
    page = visitor.get(f"/books/{seller.publish()}").text
    assert "<img" not in page
    assert "cover large palette-" in page


@pytest.mark.parametrize("kind", KINDS.values())
@pytest.mark.parametrize("size", [(600, 400), (3870, 2580)])
def test_a_turned_photo_stands_upright_and_tells_nothing_of_its_camera(
    size: tuple[int, int], kind: str
) -> None:
    photo = Image.new("RGB", size, "white")
    photo.paste((200, 0, 0), (0, 0, size[0] // 2, size[1]))
    exif = Image.Exif()
    exif[0x0112] = 6  # Turn it a quarter clockwise: what was left is on top.
    exif[0x010F] = "A camera with a serial number"
    written = BytesIO()
    photo.save(written, kind, exif=exif, comment=b"a private remark", quality=95)
    done = read_picture(BytesIO(written.getvalue()), "photo.jpg")
    for content in done.sizes.values():
        assert b"EXIF" not in content
        assert b"serial" not in content
        assert b"private" not in content
        with Image.open(BytesIO(content)) as shown:
            width, height = shown.size
            top = shown.convert("RGB").getpixel((width // 2, height // 8))
            bottom = shown.convert("RGB").getpixel((width // 2, height * 7 // 8))
        assert isinstance(top, tuple)
        assert isinstance(bottom, tuple)
        assert top[1] < 60
        assert bottom[1] > 200


def test_what_is_hidden_behind_a_picture_is_dropped() -> None:
    script = b"<script>alert(1)</script><?php system('id') ?>"
    done = read_picture(BytesIO(picture("JPEG") + script), "poly.jpg")
    assert all(
        script not in content and b"<" not in content[-60:] for content in done.sizes.values()
    )
    assert done == read_picture(BytesIO(picture("JPEG")), "plain.jpg")


def test_what_shines_through_is_white() -> None:
    written = BytesIO()
    Image.new("RGBA", (100, 150), (0, 0, 0, 0)).save(written, "PNG")
    done = read_picture(BytesIO(written.getvalue()), "clear.png")
    with Image.open(BytesIO(done.sizes[320])) as shown:
        assert shown.convert("RGB").getpixel((160, 240)) == (255, 255, 255)


REFUSED = {
    "not an image": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", "not a picture"),
    "html": (b"<html><script>alert(1)</script>", "a.jpg", "not a picture"),
    "a kind that is not taken": (picture("GIF"), "a.gif", "not a picture"),
    "a photo cut in the middle": (picture(size=(900, 1300))[:9_000], "a.jpg", "not a picture"),
    "cut in the middle": (picture("PNG", size=(500, 700))[:200], "a.png", "not a picture"),
    "empty": (b"", "a.png", "not a picture"),
    "a bomb": (png_header(30_000, 30_000), "a.png", "too many pixels"),
    "a bomb that Pillow lets pass": (png_header(6_000, 6_000), "a.png", "too many pixels"),
    "a strip": (png_header(50, 10_000), "a.png", "too many pixels"),
    "a speck": (picture("PNG", size=(39, 400)), "a.png", "too small"),
    "20 MB": (picture() + bytes(20 * 1024 * 1024), "a.jpg", "larger than 10 MB"),
    "a path in the name": (picture(), "../../etc/passwd.jpg", "holds a path"),
}


@pytest.mark.parametrize("warned", ["ignore", "error"])
def test_a_bomb_that_pillow_warns_of_is_refused(warned: Literal["ignore", "error"]) -> None:
    bomb = BytesIO(png_header(12_000, 12_000))
    with warnings.catch_warnings():
        warnings.simplefilter(warned)
        with pytest.raises(PictureRefused, match="25 mill"):
            read_picture(bomb, "a.png")


@on_sqlite
def test_what_is_no_cover_is_refused_in_a_sentence_by_its_field(
    seller: Shopper, files: Callable[[], list[str]]
) -> None:
    for case, (content, name, told) in REFUSED.items():
        answer = send(seller, "/sell", content, name, title="Kept title")
        assert answer.status_code == 422, case
        error = re.search(r'id="cover-error">([^<]+)<', answer.text)
        assert error is not None, case
        assert told in error[1], case
        assert 'value="Kept title"' in answer.text
    assert files() == []
    assert seller.get("/account/books").text.count("data-book-id") == 0


@on_sqlite
def test_a_request_past_all_measure_is_answered_with_the_form(
    seller: Shopper, visitor: Shopper
) -> None:
    book = seller.publish()
    huge = bytes(25 * 1024 * 1024)
    for path in ("/sell", f"/books/{book}/edit"):
        answer = send(seller, path, huge, title="Año <1>", description="ñ" * 4000, language="fr")
        assert answer.status_code == 413
        page = answer.text
        assert (
            "This file has about 25 MB, and a cover may have 10."
            in page[page.index('id="cover-error"') :]
        )
        assert 'value="Año &lt;1&gt;"' in page
        assert "ñ" * 4000 in page
        assert '<option value="fr" selected>' in page
    assert "Rayuela" in seller.get(f"/books/{book}").text
    # Who is not logged in has nothing to upload.
    answer = visitor.client.post("/sell", data={"cover": FileStorage(BytesIO(huge), "a.jpg")})
    assert answer.status_code in {303, 413}
    assert seller.post("/auth/logout", {"padding": "x" * 300_000}).status_code == 413


@on_sqlite
def test_a_picture_of_a_form_that_is_refused_is_asked_for_again(
    seller: Shopper, files: Callable[[], list[str]]
) -> None:
    answer = send(seller, "/sell", picture(), price="gratis")
    assert answer.status_code == 422
    assert "Choose the picture again." in answer.text
    assert files() == []


def test_a_cover_is_replaced_kept_and_removed(
    seller: Shopper, files: Callable[[], list[str]]
) -> None:
    book = publish(seller, picture(color="teal"))
    first = files()
    assert len(first) == 2
    edit = f"/books/{book}/edit"
    assert "Remove this cover" in seller.get(edit).text
    assert send(seller, edit, None, title="Another title").status_code == 303
    assert files() == first
    assert send(seller, edit, picture(color="maroon"), remove_cover="1").status_code == 303
    second = files()
    assert len(second) == 2
    assert not set(first) & set(second)
    assert send(seller, edit, None, remove_cover="1").status_code == 303
    assert files() == []
    assert "<img" not in seller.get(f"/books/{book}").text
    assert "Remove this cover" not in seller.get(edit).text


def test_a_cover_that_another_book_has_stays(
    seller: Shopper, buyer: Shopper, files: Callable[[], list[str]]
) -> None:
    book, other = publish(seller, picture()), publish(buyer, picture())
    shared = files()
    assert len(shared) == 2
    assert send(seller, f"/books/{book}/edit", None, remove_cover="1").status_code == 303
    assert files() == shared
    for path in cover_paths(buyer.get(f"/books/{other}").text):
        assert buyer.get(path).status_code == 200


def test_nobody_changes_the_cover_of_anothers_book(
    seller: Shopper, buyer: Shopper, files: Callable[[], list[str]]
) -> None:
    book = publish(seller, picture())
    before = files()
    for content, remove in ((picture(color="black"), ""), (None, "1")):
        answer = send(buyer, f"/books/{book}/edit", content, remove_cover=remove)
        assert answer.status_code == 404
    assert files() == before
    assert len(cover_paths(seller.get(f"/books/{book}").text)) == 2


@on_sqlite
def test_a_cover_of_a_change_that_fails_leaves_no_file(
    database: Database, settings: Settings, files: Callable[[], list[str]]
) -> None:
    covers = Covers(database, settings.uploads)
    done = read_picture(BytesIO(picture()), "a.jpg")

    def fail() -> None:
        with covers.keeping(done):
            assert len(files()) == 2
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert files() == []


FOREIGN_NAMES = (
    "..%2f..%2fshop.sqlite3",
    "../secret-key",
    "%2e%2e/secret-key",
    "0" * 32,
    "0" * 32 + "-320.webp",
    "0" * 32 + "-321.webp",
    "0" * 32 + "-320.webp%00",
    "0" * 32 + "-320.webp%0a",
    "G" * 32 + "-320.webp",
    ".0123456789abcdef",
    "",
)


@on_sqlite
def test_only_names_of_covers_are_served(visitor: Shopper) -> None:
    for name in FOREIGN_NAMES:
        answer = visitor.get(f"/covers/{name}")
        assert answer.status_code == 404, name
        assert answer.headers["Cache-Control"] == "private, no-store"


@on_sqlite
def test_a_book_that_has_lost_its_file_shows_a_plain_cover(
    seller: Shopper, visitor: Shopper, settings: Settings
) -> None:
    page = visitor.get(f"/books/{publish(seller, picture())}").text
    shown = cover_paths(page)
    for file in (settings.uploads / "covers").iterdir():
        file.unlink()
    for path in shown:
        answer = visitor.get(path)
        assert (answer.status_code, answer.mimetype) == (404, "image/svg+xml")
        assert answer.text.startswith("<svg ")
        # The file may come back, by a restore or by an upload of the same picture.
        assert answer.headers["Cache-Control"] == "private, no-store"


@on_sqlite
def test_a_cover_is_there_on_all_replicas(seller: Shopper, settings: Settings) -> None:
    book = publish(seller, picture())
    replica = create_app(settings)
    other = Shopper(replica)
    for path in cover_paths(other.get(f"/books/{book}").text):
        assert other.get(path).status_code == 200
    service(Database, replica).engine.dispose()
    service(Readiness, replica).engine.dispose()


@on_sqlite
def test_replicas_that_keep_and_drop_one_cover_at_once_never_lose_it(
    database: Database,
    settings: Settings,
    seller: Shopper,
    files: Callable[[], list[str]],
) -> None:
    done = read_picture(BytesIO(picture()), "a.jpg")
    books = [seller.publish() for _ in range(4)]
    start = threading.Barrier(len(books))

    def use(book: int) -> None:
        # Each takes the cover and lets go of it; in the end each has it.
        replica = Covers(database, settings.uploads)

        def name(cover: str | None) -> None:
            statement = update(Book).where(Book.id == book).values(cover=cover)
            database.transaction(lambda db: db.execute(statement))

        start.wait()
        for turn in range(15):
            if turn % 2:
                name(None)
                replica.drop(done.name)
            else:
                with replica.keeping(done) as cover:
                    name(cover)

    with ThreadPoolExecutor(len(books)) as pool:
        list(pool.map(use, books))
    assert files() == [file_name(done.name, width) for width in WIDTHS]


@on_sqlite
def test_a_remover_puts_a_cover_back_that_was_taken_meanwhile(
    database: Database, settings: Settings, files: Callable[[], list[str]]
) -> None:
    class Raced(Covers):
        answers = iter([False, True])

        def used(self, covers: Collection[str]) -> set[str]:
            return set(covers) if next(self.answers) else set()

    done = read_picture(BytesIO(picture()), "a.jpg")
    covers = Raced(database, settings.uploads)
    with covers.keeping(done):
        pass
    covers.drop(done.name)
    assert files() == [file_name(done.name, width) for width in WIDTHS]


@on_sqlite
def test_dropping_what_is_gone_is_no_error(database: Database, settings: Settings) -> None:
    assert Covers(database, settings.uploads).drop("0" * 32) == 0


GOOD = [picture(kind, size=(60, 90)) for kind in KINDS.values()]


@hypothesis_settings(max_examples=40)
@given(
    st.sampled_from(GOOD),
    st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=8)), max_size=4),
)
def test_a_damaged_picture_is_taken_or_refused(
    content: bytes, damages: list[tuple[int, bytes]]
) -> None:
    for place, put in damages:
        at = place % len(content)
        content = content[:at] + put + content[at + len(put) :]
    try:
        done = read_picture(BytesIO(content), "a.jpg")
    except PictureRefused:
        return
    assert set(done.sizes) == set(WIDTHS)
