"""The local cluster of BookStore: `python3 -m cluster up | down | images | status`.

Only the standard library is used, so that it runs before anything is installed.
"""
