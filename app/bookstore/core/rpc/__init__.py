"""A domain's interface over HTTP, for a shop whose domains are processes of their own.

The interface itself, a ``Protocol`` in ``core.interfaces``, is the contract: client and server both
read its methods' types. So whatever passes the contract's tests in one process passes them across
two.

- ``contract``: an interface's methods, and how their arguments and answers are written as JSON
- ``schemas``: the contracts as JSON Schemas, and what a change of them breaks
- ``server``: an application that lets other services call a domain
- ``client``: an implementation of an interface that calls such an application
- ``deadline``: until when a caller waits
- ``tokens``: what a service signs, for one that it calls or of who is logged in
- ``keys``, ``jwks``: what it signs with, and what others publish
"""
