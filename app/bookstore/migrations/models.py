"""All domains' tables in one place, for migrations alone."""

from bookstore.auth import models as auth
from bookstore.catalogue import models as catalogue
from bookstore.core.db import Base
from bookstore.orders import models as orders

DOMAINS = (auth, catalogue, orders)
METADATA = Base.metadata
