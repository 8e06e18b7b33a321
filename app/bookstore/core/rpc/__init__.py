"""A domain's interface over HTTP, for a shop whose domains are processes of their own.

The interface itself, a ``Protocol`` in ``core.interfaces``, is the contract: client and server both
read its methods' types. So whatever passes the contract's tests in one process passes them across
two.

- ``contract``: an interface's methods, and how their arguments and answers are written as JSON
- ``server``: an application that lets other services call a domain
- ``client``: an implementation of an interface that calls such an application
"""
