"""Backups of database and uploads: folders that are whole or absent, and go between databases.

- ``backup``, ``restore``, ``drill``: the verbs
- ``folder``: where backups are, and what is written appears whole
- ``manifest``: what a backup tells of itself, and how that is checked
- ``rows``, ``ids``, ``uploads``: what is in it
- ``offsite``, ``objectstore``, ``s3errors``: copies in a bucket of S3
"""
