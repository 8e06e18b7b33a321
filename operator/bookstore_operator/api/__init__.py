"""The BookStore resource: typed spec and status, and the CRD and reference made from them."""

GROUP = "bookstore.dev"
VERSION = "v1"
KIND = "BookStore"
PLURAL = "bookstores"
API_VERSION = f"{GROUP}/{VERSION}"
