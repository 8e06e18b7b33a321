"""No secret leaves the cluster with what is gathered, in whichever form it turns up."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_bookstore.objects import Manifest
from kubectl_bookstore.redaction import LAST_APPLIED, REDACTED, Redactor

PASSWORD = "pä$$ w/o=rd"
KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n"


def secret(**values: str) -> Manifest:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"kind": "Secret", "metadata": {"name": "login"}, "data": data}


REDACTOR = Redactor(
    [secret(password=PASSWORD, username="shop", **{"tls.key": KEY, "port": "3306"})]
)


@pytest.mark.parametrize(
    "form",
    [
        PASSWORD,
        quote(PASSWORD, safe=""),
        base64.b64encode(PASSWORD.encode()).decode(),
        base64.b64encode(PASSWORD.encode()).decode().rstrip("="),
        KEY.splitlines()[1],
    ],
)
def test_a_value_is_taken_out_in_whichever_form(form: str) -> None:
    assert REDACTOR.text(f"it is {form}, they say") == f"it is {REDACTED}, they say"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=6).map(str.strip))
def test_any_password_is_taken_out_of_any_line(password: str) -> None:
    if len(password) >= 6:
        redactor = Redactor([secret(password=password)])
        assert password not in redactor.text(f"<{password}>").replace(REDACTED, "")


def test_what_is_no_secret_stays_readable() -> None:
    line = "user shop connects to port 3306"
    assert REDACTOR.text(line) == line


def test_a_login_in_a_url_is_taken_out_though_nobody_knows_it() -> None:
    line = "mysql+pymysql://shop:hunter2@db:3306/bookstore"
    assert Redactor([]).text(line) == f"mysql+pymysql://shop:{REDACTED}@db:3306/bookstore"


def test_of_a_secret_the_names_of_its_keys_stay() -> None:
    live = secret(password=PASSWORD, username="shop")
    assert Redactor([]).manifest(live)["data"] == {"password": REDACTED, "username": REDACTED}


def test_an_environment_variable_with_a_telling_name_is_taken_out() -> None:
    env = [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "PORT", "value": "5000"}]
    pod = {"kind": "Pod", "metadata": {}, "spec": {"containers": [{"name": "c", "env": env}]}}
    (container,) = Redactor([]).manifest(pod)["spec"]["containers"]
    assert container["env"] == [
        {"name": "DB_PASSWORD", "value": REDACTED},
        {"name": "PORT", "value": "5000"},
    ]


def test_what_kubectl_keeps_of_the_last_apply_is_left_out() -> None:
    notes = {LAST_APPLIED: json.dumps({"stringData": {"password": "hunter2"}}), "a": "b"}
    live = {"kind": "Secret", "metadata": {"annotations": notes, "managedFields": [{}]}}
    assert Redactor([]).manifest(live)["metadata"] == {"annotations": {"a": "b"}}
