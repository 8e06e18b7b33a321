"""Answer questions about the world outside of the API server, beside the passes.

A pass never waits for an answer: it asks, reads the last answer where there is one, and the root is
reconciled again when an answer changes.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from bookstore_operator.engine.component import Question
from bookstore_operator.kube.connect import jittered
from bookstore_operator.kube.objects import Ref

INTERVAL = 10.0
"""Seconds between two answers to a question that some root still asks."""

AT_ONCE = 16
_log = logging.getLogger(__name__)


class Facts:
    """The last answers to the questions of roots.

    Args:
        changed: Called with the key of each root that asked, when an answer changes.
    """

    def __init__(self, changed: Callable[[Ref], None]) -> None:
        self.answers: dict[Question, Any] = {}
        self._changed = changed
        self._asked: dict[Ref, frozenset[Question]] = {}
        self._tasks: dict[Question, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    def ask(self, key: Ref, questions: frozenset[Question]) -> None:
        """Take in what a root asks from now on; what nobody asks any more is forgotten."""
        before = self._asked.get(key, frozenset())
        if questions:
            self._asked[key] = questions
        else:
            self._asked.pop(key, None)
        for question in questions - before:
            if question not in self._tasks:
                self._tasks[question] = asyncio.create_task(self._repeat(question))
        wanted = frozenset().union(*self._asked.values()) if before - questions else None
        for question in before - questions:
            if wanted is not None and question not in wanted:
                self._tasks.pop(question).cancel()
                self.answers.pop(question, None)

    async def close(self) -> None:
        """End all questions."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _repeat(self, question: Question) -> None:
        while True:
            async with self._slots:
                try:
                    answer = await question.ask()
                except Exception:  # noqa: BLE001 - logged whole; an answer is never needed
                    _log.exception("%s cannot be answered", question)
                    answer = None
            if answer != self.answers.get(question):
                self.answers[question] = answer
                for key, asked in list(self._asked.items()):
                    if question in asked:
                        self._changed(key)
            await asyncio.sleep(jittered(INTERVAL))
