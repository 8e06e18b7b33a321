"""A route on a Gateway, as the spec says it."""

from typing import Annotated

from pydantic import Field

from bookstore_operator.api.ingress import PublicHosts
from bookstore_operator.api.loadbalancer import ForwardedHops
from bookstore_operator.api.model import ApiModel
from bookstore_operator.api.scalars import NamespaceName
from bookstore_operator.api.waynames import GatewayName, ListenerName


class GatewayRef(ApiModel):
    """A Gateway that somebody keeps."""

    name: GatewayName
    """The Gateway's name."""

    namespace: NamespaceName | None = None
    """Where it lives; the store's namespace where it is left out. Its listener must allow routes
    of the store's namespace."""

    section_name: ListenerName | None = None
    """The listener, such as https; every listener that takes the hosts where it is left out."""


class Gateway(ApiModel):
    """Publish the shop by an HTTPRoute on a Gateway."""

    parent_refs: Annotated[tuple[GatewayRef, ...], Field(min_length=1, max_length=4)]
    """The Gateways, for example [{name: public, namespace: gateways, sectionName: https}]. The shop
    is https where one of these listeners is."""

    hosts: PublicHosts
    """The DNS names that shoppers open; links in mail begin with the first, and the shop answers to
    no other name."""

    forwarded_hops: ForwardedHops = None
    """How many proxies stand before the pods and add to X-Forwarded-For: 1, the Gateway, where it
    is left out; one more for each before it, such as CloudFront."""
