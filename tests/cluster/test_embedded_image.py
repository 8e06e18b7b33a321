"""An image of the embedded database that does not exist is left again by naming the right one."""

from __future__ import annotations

from tests.cluster.support.lab import Lab
from tests.support.shopper import Shopper


def test_a_bad_image_of_the_database_is_left_again(lab: Lab) -> None:
    store = lab.embedded()
    store.wait_ready(within=240)
    # OrderedReady, the default, never replaces a pod that is not ready by one of a newer revision.
    database = store.child("StatefulSet", "-mysql")
    assert database["spec"]["podManagementPolicy"] == "Parallel"
    email = Shopper(store.url()).register()

    good = store.get()["spec"]["database"]["embedded"]["image"]
    store.edit(database={"embedded": {"image": "mysql:no-such-release"}})
    store.wait_told("ImagePullFailed", mentions="mysql:no-such-release", within=120)

    store.edit(database={"embedded": {"image": good}})
    store.wait_ready(within=180)
    Shopper(store.url()).log_in(email)
