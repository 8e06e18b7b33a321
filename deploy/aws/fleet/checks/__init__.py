"""Checks before anything is made, each of which gives one finding."""
