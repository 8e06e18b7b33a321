"""Pulling images, with a quick decision whether a registry answers at all."""

import subprocess
import threading

from cluster.engine import Docker
from cluster.steps import Step

DECIDE_SECONDS = 10.0


class Registry:
    """Pull images through the engine; once it does not answer, it is not asked again."""

    def __init__(self, docker: Docker, decide_seconds: float = DECIDE_SECONDS) -> None:
        self._docker = docker
        self._decide_seconds = decide_seconds
        self._away = False

    def pull(self, reference: str, step: Step) -> bool:
        """Pull an image and tell whether it is here now.

        The registry has `decide_seconds` to say its first word about the image; after
        that, layers may take as long as they need.
        """
        if self._away:
            return False
        step.note(f"asking the registry for {reference.partition('@')[0]}")
        process = subprocess.Popen(
            [self._docker.client, "pull", reference],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        answered = threading.Event()
        deadline = threading.Timer(
            self._decide_seconds, lambda: None if answered.is_set() else process.terminate()
        )
        deadline.start()
        try:
            for line in process.stdout or ():
                answered.set()
                step.note(f"pulling {reference.partition('@')[0]}: {line.strip()[:60]}")
            pulled = process.wait() == 0
        except BaseException:
            process.terminate()
            raise
        finally:
            deadline.cancel()
        self._away = not answered.is_set()
        return pulled
