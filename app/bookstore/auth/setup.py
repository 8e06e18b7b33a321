"""What the auth domain is made of."""

from flask import Flask

from bookstore.auth.account import blueprint as account_pages
from bookstore.auth.admin import blueprint as admin_pages
from bookstore.auth.api import api as auth_api
from bookstore.auth.email_api import api as email_api
from bookstore.auth.email_change import EmailChange
from bookstore.auth.email_views import blueprint as email_pages
from bookstore.auth.models import AuthJob
from bookstore.auth.moderation import Moderation
from bookstore.auth.moderation_api import api as moderation_api
from bookstore.auth.recovery import Recovery
from bookstore.auth.recovery_views import blueprint as recovery_pages
from bookstore.auth.service import LocalAuth
from bookstore.auth.views import blueprint as auth_pages
from bookstore.core.db import Database
from bookstore.core.interfaces.auth import AuthService
from bookstore.core.interfaces.catalogue import CatalogueService
from bookstore.core.jobs.registry import Jobs
from bookstore.core.mail import Mailer
from bookstore.core.services import provide, service

PAGES = (auth_pages, account_pages, email_pages, recovery_pages, admin_pages)
APIS = (auth_api, email_api, moderation_api)


def setup(app: Flask) -> None:
    """Provide the domain's services to an app."""
    database, mailer = service(Database, app), service(Mailer, app)
    service(Jobs, app).open("auth", database, AuthJob)
    auth = LocalAuth(database, str(app.secret_key).encode())
    provide(app, LocalAuth, auth)
    provide(app, AuthService, auth)
    keys = [*app.config["SECRET_KEY_FALLBACKS"], str(app.secret_key)]
    provide(app, Recovery, Recovery(database, auth, mailer, keys))
    provide(app, EmailChange, EmailChange(database, auth, mailer, keys))
    provide(app, Moderation, Moderation(database, auth, service(CatalogueService, app)))
