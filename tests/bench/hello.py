"""A Flask that says hello, on a plain gunicorn as large as the shop's.

`python -m tests.bench.hello PORT`
"""

from __future__ import annotations

import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from bookstore.cli.serve import server_options
from bookstore.core.config.settings import load_settings


class Hello(BaseApplication):
    def load_config(self) -> None:
        for name, value in server_options(load_settings(), sys.argv[1]).items():
            self.cfg.set(name, value)
        # What the worker of the shop does for slow clients is a part of what is measured.
        self.cfg.set("worker_class", "gthread")

    def load(self) -> Any:
        app = Flask("hello")

        @app.route("/", methods=["GET", "POST"])
        def hello() -> str:
            return "hello"

        @app.get("/readyz")
        def readyz() -> str:
            return "ready"

        return app


if __name__ == "__main__":
    Hello().run()
