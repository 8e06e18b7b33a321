"""Who somebody is, in a shop whose accounts are another service's.

- ``access``: the short token that auth signs of a session, and what it says
- ``known``: who is logged in, by that token, renewed in passing
- ``kept``: auth's public keys, for a service that starts while auth is away
- ``revocations``: since which change of an account its older tokens are not believed
"""
