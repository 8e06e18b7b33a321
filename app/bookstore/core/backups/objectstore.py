"""A bucket of S3, or of a server that speaks it: objects whose checksums are verified.

Every object is sent with its SHA-256, and asked for it afterwards; what a store does not tell is
read back. No more than one part of an object is in memory at once.
"""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
from botocore import exceptions as faults
from botocore.config import Config

from bookstore.core.backups.s3errors import (
    CUT,
    S3CertificateUntrusted,
    S3ChecksumMismatch,
    code_of,
    explained,
)
from bookstore.core.config.settings import Settings

MEBIBYTE = 1024 * 1024
PART = 16 * MEBIBYTE
"""Bytes of a part, and the largest object that is sent in one piece."""

MOST_PARTS = 9_000
"""S3 takes 10000. Source: Amazon S3 User Guide, "Multipart upload limits"."""

ATTEMPTS = 4
CONNECT_SECONDS, READ_SECONDS = 10, 60


@dataclass(frozen=True)
class Checksum:
    """The SHA-256 of a file and of the parts in which it is sent.

    Attributes:
        size: The file's size.
        part: The size of a part.
        whole: The SHA-256 of all.
        parts: That of each part.
    """

    size: int
    part: int
    whole: bytes
    parts: tuple[bytes, ...]

    @classmethod
    def of(cls, path: Path) -> "Checksum":
        """Read a file."""
        size = path.stat().st_size
        part = max(PART, -(-size // MOST_PARTS // MEBIBYTE) * MEBIBYTE)
        whole, parts = hashlib.sha256(), []
        with path.open("rb") as content:
            while block := content.read(part):
                whole.update(block)
                parts.append(hashlib.sha256(block).digest())
        return cls(size, part, whole.digest(), tuple(parts))

    def is_told_by(self, told: str) -> bool:
        """Return whether a store tells this checksum, of the whole or of the parts' checksums.

        Source: Amazon S3 User Guide, "Checking object integrity", composite checksums.
        """
        sums, _, count = told.partition("-")
        if not count:
            return sums == _base64(self.whole)
        return sums == _base64(hashlib.sha256(b"".join(self.parts)).digest())


class Bucket:
    """A bucket, with the keys that are given or those that the pod has by itself.

    :raise S3Failed: by every method, when the bucket cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.name = settings.s3_bucket or ""
        self.endpoint = settings.s3_endpoint
        authority = settings.s3_ca
        if authority is not None and not authority.is_file():
            raise S3CertificateUntrusted(
                f"S3_CA is {authority}, which is no file; set it to the file with the "
                "authority's certificate."
            )
        with self._explained():
            self._client = _client(settings)

    def objects(self, prefix: str) -> dict[str, int]:
        """Return the keys that begin with a prefix, and the sizes of their objects."""
        with self._explained():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=prefix
            )
            return {one["Key"]: one["Size"] for page in pages for one in page.get("Contents", ())}

    def put(self, path: Path, key: str) -> Checksum:
        """Send a file, unless it is there, and verify what the store then has.

        :return: the checksum of what was read of the file.
        """
        checksum = Checksum.of(path)
        with self._explained():
            if self._has(key, checksum):
                return checksum
            if len(checksum.parts) > 1:
                self._send_parts(path, key, checksum)
            else:
                self._send(path, key, checksum)
            if not self._has(key, checksum):
                raise S3ChecksumMismatch(
                    f"The object {key} in bucket {self.name} is not what was sent; it does not "
                    "count, and is sent again with the next backup."
                )
        return checksum

    def read(self, key: str) -> Iterator[bytes]:
        """Yield the content of an object; where the connection is cut, what is missing follows."""
        at, attempts, rest = 0, 0, 1
        while rest:
            with self._explained():
                try:
                    after = {"Range": f"bytes={at}-"} if at else {}
                    answer = self._client.get_object(Bucket=self.name, Key=key, **after)
                    rest = answer["ContentLength"]
                    for block in answer["Body"].iter_chunks(MEBIBYTE):
                        at, rest = at + len(block), rest - len(block)
                        yield block
                except CUT:
                    attempts += 1
                    if attempts == ATTEMPTS:
                        raise

    def remove(self, key: str) -> None:
        """Remove an object, if it is there."""
        with self._explained():
            self._client.delete_object(Bucket=self.name, Key=key)

    def _has(self, key: str, checksum: Checksum) -> bool:
        try:
            found = self._client.head_object(Bucket=self.name, Key=key, ChecksumMode="ENABLED")
        except faults.ClientError as error:
            if code_of(error) in ("404", "NoSuchKey", "NotFound"):
                return False
            raise
        if found["ContentLength"] != checksum.size:
            return False
        if told := found.get("ChecksumSHA256"):
            return checksum.is_told_by(told)
        content = hashlib.sha256()
        for block in self.read(key):
            content.update(block)
        return content.digest() == checksum.whole

    def _send(self, path: Path, key: str, checksum: Checksum) -> None:
        with path.open("rb") as content:
            self._client.put_object(
                Bucket=self.name,
                Key=key,
                Body=content,
                ChecksumSHA256=_base64(checksum.whole),
            )

    def _send_parts(self, path: Path, key: str, checksum: Checksum) -> None:
        place = {"Bucket": self.name, "Key": key}
        begun = self._client.create_multipart_upload(**place, ChecksumAlgorithm="SHA256")
        place["UploadId"] = begun["UploadId"]
        try:
            sent = []
            with path.open("rb") as content:
                for number, digest in enumerate(checksum.parts, 1):
                    part = {"PartNumber": number, "ChecksumSHA256": _base64(digest)}
                    answer = self._client.upload_part(
                        **place, **part, Body=content.read(checksum.part)
                    )
                    sent.append(part | {"ETag": answer["ETag"]})
            self._client.complete_multipart_upload(**place, MultipartUpload={"Parts": sent})
        except Exception:
            self._forget_parts(place)
            raise

    def _forget_parts(self, place: dict[str, str]) -> None:
        try:
            self._client.abort_multipart_upload(**place)
        except (faults.BotoCoreError, faults.ClientError):
            return  # Why it was sent in vain is the news; a lifecycle rule takes away the rest.

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self.name, self._server)

    @property
    def _server(self) -> str:
        return self.endpoint or "S3"


def _client(settings: Settings) -> Any:
    path_style = settings.s3_force_path_style
    if path_style is None:
        path_style = settings.s3_endpoint is not None
    key, secret = settings.s3_access_key_id, settings.s3_secret_access_key
    # Checksums are given by hand, since many servers know no trailers.
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if path_style else "auto"},
    )
    return botocore.session.get_session().create_client(
        "s3",
        region_name=settings.s3_region,
        endpoint_url=settings.s3_endpoint,
        verify=str(settings.s3_ca) if settings.s3_ca else None,
        config=config,
        aws_access_key_id=key.get_secret_value() if key else None,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
    )


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
