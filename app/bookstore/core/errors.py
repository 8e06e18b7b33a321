"""Errors that every domain raises alike."""


class NotFound(Exception):
    """There is no such thing, or it is another's: who asks is not told which."""


class ServiceUnavailable(Exception):
    """Another service of the shop does not answer; the same again may work in a moment.

    :param domain: the service, such as ``catalogue``.
    :param detail: what happened, without anything that was sent.
    """

    def __init__(self, domain: str, detail: str) -> None:
        super().__init__(f"{domain} does not answer: {detail}")
        self.domain = domain
        self.detail = detail
