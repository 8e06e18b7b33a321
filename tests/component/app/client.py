"""A program that uses the shop's API, with a token of its own and without cookies."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from flask import Flask

# Werkzeug's TestResponse, whose ``json`` is not None in these tests.
Answer = Any

NEW_BOOK = {
    "title": "Rayuela",
    "author": "Julio Cortázar",
    "description": "Tapa blanda, bien conservada.",
    "condition": "good",
    "language": "es",
    "price_minor": 2_500_000,
    "stock": 3,
}


@dataclass
class Client:
    """Send requests to /api/v1 in the name of one account."""

    app: Flask
    language: str = "en"
    email: str = field(default_factory=lambda: f"{uuid.uuid4().hex}@example.com")
    password: str = "a long password"
    token: str | None = None

    def register(self, name: str = "Ana Gómez") -> Client:
        typed = {"email": self.email, "name": name, "password": self.password}
        answer = self.post("/registrations", typed)
        assert answer.status_code == 202, answer.text
        return self

    def log_in(self) -> Client:
        answer = self.post("/tokens", {"email": self.email, "password": self.password})
        assert answer.status_code == 201, answer.text
        self.token = answer.json["access_token"]
        return self

    def send(self, method: str, path: str, body: object = None, /, **headers: str | None) -> Answer:
        """Send a request; a header is given by its name with underscores, None leaves it out."""
        said: dict[str, str | None] = {"Accept-Language": self.language}
        if self.token is not None:
            said["Authorization"] = f"Bearer {self.token}"
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in said.items() if value is not None}
        sent: dict[str, Any] = {"data": body} if isinstance(body, str | bytes) else {"json": body}
        if body is None:
            sent = {}
        path = path if path.startswith("/api") else f"/api/v1{path}"
        return self.app.test_client().open(path, method=method, headers=kept, buffered=True, **sent)

    def get(self, path: str, **headers: str | None) -> Answer:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: object = None, /, **headers: str | None) -> Answer:
        return self.send("POST", path, body, **headers)

    def put(self, path: str, body: object = None, /, **headers: str | None) -> Answer:
        return self.send("PUT", path, body, **headers)

    def publish(self, **changes: object) -> int:
        answer = self.post("/account/books", {**NEW_BOOK, **changes})
        assert answer.status_code == 201, answer.text
        return int(answer.json["id"])
