"""The configuration of the gateway: NGINX that leads each path to the service that has it."""

import json
from collections.abc import Iterator
from importlib.resources import files

from bookstore_operator.components.shop import HTTPS_PORT, PORT
from bookstore_operator.store import Store

DEFAULT = "catalogue"
"""What every service can answer is answered by this one: assets, probes, addresses with nothing."""

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

_CONFIGURATION = """\
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
worker_processes 2;
worker_shutdown_timeout 30s;
events {{}}
http {{
  access_log /dev/stdout;
  server_tokens off;
  client_max_body_size 32m;
  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  keepalive_timeout 100s;
  map_hash_bucket_size 256;
  include {resolver};
  map $uri $service {{
    default {default};
{paths}  }}
  map $uri $api {{
    default "";
    ~^/api(/|$) /api;
  }}
  # What a proxy in front says goes on, with a word of this one; where it says nothing, none is had.
  map $http_x_forwarded_proto $passed_proto {{
    default "$http_x_forwarded_proto, http";
    "" "";
  }}
{servers}}}
"""

_SERVER = """\
  server {{
    listen {port};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For "{forwarded_for}";
    proxy_set_header X-Forwarded-Proto "{forwarded_proto}";
    proxy_connect_timeout 2s;
    proxy_read_timeout 20s;
    # Whether this process takes requests; whether a service can serve is its own probe's affair.
    location = /healthz {{
      access_log off;
      default_type text/plain;
      return 200 "ok\\n";
    }}
    location / {{
      proxy_pass http://{store}-$service.$domain:{to};
      # From another service: a page that says what rests, and when to come back.
      error_page 502 504 = $api/resting/$service;
    }}
    location ~ ^(/api)?/resting/(auth|catalogue|orders)$ {{
      internal;
      set $stand_in catalogue;
      if ($uri ~ /catalogue$) {{
        set $stand_in orders;
      }}
      proxy_method GET;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For "{forwarded_for}";
      proxy_set_header X-Forwarded-Proto "{forwarded_proto}";
      proxy_pass http://{store}-$stand_in.$domain:{to}$uri;
    }}
  }}
"""


def configuration(store: Store, hops: int) -> dict[str, str]:
    """Return the gateway's files.

    Args:
        store: The store.
        hops: How many proxies in front of the gateway have their X-Forwarded headers believed.
    """
    text = _CONFIGURATION.format(
        resolver=RESOLVER,
        default=DEFAULT,
        paths="".join(f'    "~{pattern}" {service};\n' for pattern, service in routes()),
        servers="".join(_servers(store, hops)),
    )
    return {CONF: text, SCRIPT: START}


def routes() -> Iterator[tuple[str, str]]:
    """Return the pattern of each path, and the service that has it, without the default's."""
    known = json.loads(files("bookstore_operator.components").joinpath("routes.json").read_text())
    for service, patterns in known.items():
        for pattern in patterns:
            yield pattern, service


def _servers(store: Store, hops: int) -> Iterator[str]:
    """Return the servers of plain http, and of what a load balancer decrypted without a word.

    The services believe one proxy more than there are in front of the gateway. What came to the
    second port came from the very client that connects, whatever it says of proxies.
    """
    passed = ("$proxy_add_x_forwarded_for", "$passed_proto" if hops else "http")
    direct = (", ".join(["$remote_addr"] * (hops + 1)), ", ".join(["https"] * (hops + 1)))
    for port, (forwarded_for, proto) in ((PORT, passed), (HTTPS_PORT, direct)):
        yield _SERVER.format(
            port=port, to=PORT, store=store.name, forwarded_for=forwarded_for, forwarded_proto=proto
        )
