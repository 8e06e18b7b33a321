"""A moto server that knows a little more than moto; run by .venv-deploy's Python.

What is added: resources that moto makes by their own API but not from a template (motoresources),
change sets that tell and do what AWS's do, and a deploy that waits for what instances signal
(motostacks), what an instance asks about itself and its end (motoinstances), and changes to
listeners of TLS (motobalancers).
IAM's simulator, which moto does not have, is closed to this account, as it is to a lab's.
"""

from __future__ import annotations

import sys
from typing import Any

from moto.core.exceptions import ServiceException
from moto.iam.responses import IamResponse
from moto.server import main

from tests.deploy.aws import motobalancers, motoinstances, motoresources, motostacks


class AccessDenied(ServiceException):  # type: ignore[misc]
    code = "AccessDenied"
    message = "User is not authorized to perform: iam:SimulatePrincipalPolicy"


def denied(_: IamResponse) -> Any:
    raise AccessDenied


IamResponse.simulate_principal_policy = denied
motoresources.install()
motostacks.install()
motoinstances.install()
motobalancers.install()
main(sys.argv[1:])
