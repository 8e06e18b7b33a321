"""What every tier of tests shares."""

from hypothesis import settings

# A property is true or false whatever else the machine is doing: no example has a deadline.
settings.register_profile("bookstore", deadline=None)
settings.load_profile("bookstore")
