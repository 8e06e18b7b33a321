"""The configuration of the gateway: NGINX that leads each path to the service that has it."""

import string
from functools import cache
from importlib.resources import files

from bookstore_operator.components.shop import HTTPS_PORT, PORT
from bookstore_operator.store import Store

CONF, SCRIPT = "nginx.conf", "start.sh"
FOLDER = "/etc/bookstore/gateway"
RESOLVER = "/tmp/resolver.conf"  # noqa: S108 - the container's

START = f"""\
# The name server and the namespace's domain are what the kubelet says; NGINX reads neither.
awk '/^nameserver/ {{
  address = $2; if (address ~ /:/) address = "[" address "]"
  servers = servers " " address
}} /^search/ {{ domain = $2 }} END {{
  print "resolver" servers " valid=5s;"
  print "map $host $domain {{ default \\"" domain "\\"; }}"
}}' /etc/resolv.conf > {RESOLVER}
exec nginx -e /dev/stderr -c {FOLDER}/{CONF} -g 'daemon off;'
"""

_NAMES = """\
  include {resolver};
  # What a proxy in front says goes on, with a word of this one; where it says nothing, none is had.
  map $http_x_forwarded_proto $passed_proto {{
    default "$http_x_forwarded_proto, http";
    "" "";
  }}
  # What comes to the second port comes from the very client that connects, whatever it says.
  map $server_port $told_for {{
    default "$proxy_add_x_forwarded_for";
    {https} "{client}";
  }}
  map $server_port $told_proto {{
    default "{proto}";
    {https} "{encrypted}";
  }}"""


class _Template(string.Template):
    """The shop's configuration, with what differs from store to store left to be filled in."""

    delimiter = "@"


def configuration(store: Store, hops: int) -> dict[str, str]:
    """Return the gateway's files.

    The services believe one proxy more than there are in front of the gateway.

    Args:
        store: The store.
        hops: How many proxies in front of the gateway have their X-Forwarded headers believed.
    """
    names = _NAMES.format(
        resolver=RESOLVER,
        https=HTTPS_PORT,
        proto="$passed_proto" if hops else "http",
        client=", ".join(["$remote_addr"] * (hops + 1)),
        encrypted=", ".join(["https"] * (hops + 1)),
    )
    text = _template().substitute(
        workers=2,
        names=names,
        listen="\n".join(f"    listen {port};" for port in (PORT, HTTPS_PORT)),
        forwarded_for="$told_for",
        forwarded_proto="$told_proto",
        before=f"{store.name}-",
        after=".$domain",
    )
    return {CONF: text, SCRIPT: START}


@cache
def _template() -> _Template:
    # The shop knows its paths and writes this file: bookstore gateway --template.
    return _Template(files("bookstore_operator.components").joinpath("gateway.conf").read_text())
