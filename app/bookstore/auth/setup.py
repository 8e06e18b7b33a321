"""What the auth domain is made of."""

from flask import Flask

from bookstore.auth import mails
from bookstore.auth.account import blueprint as account_pages
from bookstore.auth.account_api import api as account_api
from bookstore.auth.addresses_api import api as addresses_api
from bookstore.auth.api import api as auth_api
from bookstore.auth.audit import AuditTrail
from bookstore.auth.email_change import EmailChange
from bookstore.auth.email_change_api import api as email_change_api
from bookstore.auth.email_change_views import blueprint as email_change_pages
from bookstore.auth.invitation_views import blueprint as invitation_pages
from bookstore.auth.invitations import Invitations
from bookstore.auth.models import AuthJob
from bookstore.auth.moderation import Moderation
from bookstore.auth.moderation_api import api as moderation_api
from bookstore.auth.moderation_views import blueprint as moderation_pages
from bookstore.auth.moderators import Moderators
from bookstore.auth.moderators_api import api as moderators_api
from bookstore.auth.password_reset import PasswordReset
from bookstore.auth.password_reset_views import blueprint as password_reset_pages
from bookstore.auth.registration import Registrations
from bookstore.auth.service import LocalAuth
from bookstore.auth.views import blueprint as auth_pages
from bookstore.auth.views import confirmation as confirmation_pages
from bookstore.core.config.settings import Settings
from bookstore.core.db.database import Database
from bookstore.core.interfaces.auth import AuthService
from bookstore.core.interfaces.catalogue import CatalogueService
from bookstore.core.jobs.registry import Jobs
from bookstore.core.services import provide, service

PAGES = (
    auth_pages,
    confirmation_pages,
    account_pages,
    email_change_pages,
    password_reset_pages,
    invitation_pages,
    moderation_pages,
)
APIS = (auth_api, account_api, addresses_api, email_change_api, moderation_api, moderators_api)


def setup(app: Flask) -> None:
    """Provide the domain's services to an app."""
    database, settings = service(Database, app), service(Settings, app)
    queue = service(Jobs, app).open("auth", database, AuthJob)
    auth = LocalAuth(database, str(app.secret_key).encode(), queue)
    auth.events.subscribe(service(CatalogueService, app))
    provide(app, LocalAuth, auth)
    provide(app, AuthService, auth)
    keys = [*app.config["SECRET_KEY_FALLBACKS"], str(app.secret_key)]
    registrations = Registrations(database, auth, queue, keys, confirms=settings.sends_mail)
    provide(app, Registrations, registrations)
    provide(app, PasswordReset, PasswordReset(database, auth, queue, keys))
    provide(app, EmailChange, EmailChange(database, auth, queue, keys))
    provide(app, Moderation, Moderation(database, auth.events))
    provide(app, Moderators, Moderators(database, auth.events))
    provide(app, Invitations, Invitations(database, auth, queue, keys))
    provide(app, AuditTrail, AuditTrail(database))
    mails.handle(queue)
