"""A listener of TLS that can be changed, as one of HTTPS can.

moto makes such listeners and knows no change to them. What AWS asks of a change to either is the
same: that the certificate is there.
"""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import ELBv2Backend

modify = ELBv2Backend.modify_listener


def modify_listener(
    self: Any,
    arn: str,
    port: str | None = None,
    protocol: str | None = None,
    ssl_policy: str | None = None,
    certificates: list[dict[str, Any]] | None = None,
    actions: list[dict[str, Any]] | None = None,
) -> Any:
    (listener,) = self.describe_listeners(load_balancer_arn=None, listener_arns=[arn])
    if (protocol or listener.protocol) != "TLS":
        return modify(self, arn, port, protocol, ssl_policy, certificates, actions)
    changed = modify(self, arn, port, "HTTPS", ssl_policy, certificates or [], actions or [])
    changed.protocol = "TLS"
    return changed


def install() -> None:
    ELBv2Backend.modify_listener = modify_listener
