"""The AWS Load Balancer Controller, with moto as AWS.

moto is a process of this machine, at the address where the nodes' containers find the machine. No
traffic passes what is made there: tests assert what the controller has asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from cluster.programs import Program
from tests.cluster.support.kube import Manifest
from tests.deploy.aws.conftest import KEYS, REGION, Account, moto
from tests.real.parts.loadbalancers.cloud import Cloud
from tests.real.support import manifests
from tests.real.support.workshop import PARTS, Workshop, definitions
from tests.support.certificates import Authority

NAME = "aws-load-balancer-controller"
NAMESPACE = "real-load-balancers"
MODULE = "sigs.k8s.io/aws-load-balancer-controller"
PROGRAMS = (Program(NAME, MODULE, PARTS / "loadbalancers" / "go"),)
CLUSTER = "bookstore"
BALANCER_CLASS, INGRESS_CLASS = "service.k8s.aws/nlb", "alb"
SERVICES = ("EC2", "Elastic Load Balancing v2", "ACM", "STS", "Resource Groups Tagging API")
HEALTH, WEBHOOKS = 61779, 9443
FILES = "/etc/webhooks"
# The network of the local cluster's pods, so that their addresses are targets of the VPC.
PODS = "10.244.0.0/16"
SUBNETS = {"us-east-1a": "10.244.0.0/17", "us-east-1b": "10.244.128.0/17"}


def make_network(account: Account) -> str:
    """Make a VPC as the controller wants it: two public subnets with its tags; return its ID."""
    vpc = str(account.ask("ec2", "create_vpc", CidrBlock=PODS)["Vpc"]["VpcId"])
    gateway = account.ask("ec2", "create_internet_gateway")["InternetGateway"]["InternetGatewayId"]
    account.ask("ec2", "attach_internet_gateway", InternetGatewayId=gateway, VpcId=vpc)
    table = account.ask("ec2", "create_route_table", VpcId=vpc)["RouteTable"]["RouteTableId"]
    account.ask(
        "ec2", "create_route",
        RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway,
    )  # fmt: skip
    for zone, block in SUBNETS.items():
        made = account.ask(
            "ec2", "create_subnet", VpcId=vpc, CidrBlock=block, AvailabilityZone=zone
        )
        subnet = made["Subnet"]["SubnetId"]
        tags = {"kubernetes.io/role/elb": "1", f"kubernetes.io/cluster/{CLUSTER}": "shared"}
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        account.ask("ec2", "create_tags", Resources=[subnet], Tags=listed)
        account.ask("ec2", "associate_route_table", RouteTableId=table, SubnetId=subnet)
    return vpc


@contextmanager
def running(workshop: Workshop) -> Iterator[Cloud]:
    """Have the controller at work in the local cluster."""
    image = workshop.image(NAME, PROGRAMS, NAME)
    module = workshop.module(MODULE, "loadbalancers")
    with moto(host=machine(workshop)) as account:
        vpc = make_network(account)
        pair = Authority().sign(f"{NAME}.{NAMESPACE}.svc")
        made = [
            *definitions(module / "config" / "crd" / "bases"),
            *definitions(module / "config" / "crd" / "aga", "aga-crds.yaml"),
            manifests.namespace(NAMESPACE),
            *manifests.account(NAMESPACE, NAME),
            pair.secret(NAMESPACE, NAME),
            manifests.workload(NAMESPACE, NAME, pod(image, vpc, account.url)),
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "IngressClass",
                "metadata": {"name": INGRESS_CLASS},
                "spec": {"controller": "ingress.k8s.aws/alb"},
            },
        ]
        with workshop.installed(made, [(NAMESPACE, f"deployment/{NAME}")]):
            yield Cloud(account, vpc)


def machine(workshop: Workshop) -> str:
    """Return the address at which the containers of the nodes find this machine."""
    told = workshop.builder.docker.run(
        "network", "inspect", "kind", "--format", "{{json .IPAM.Config}}"
    )
    found = [one["Gateway"] for one in json.loads(told) if ":" not in one["Subnet"]]
    return str(found[0])


def arguments(vpc: str, url: str) -> list[str]:
    """Return how the controller is called, but for where its files and the API server are."""
    endpoints = ",".join(f"{service}={url}" for service in SERVICES)
    return [
        f"--cluster-name={CLUSTER}",
        f"--aws-region={REGION}",
        f"--aws-vpc-id={vpc}",
        f"--aws-api-endpoints={endpoints}",
        # moto does not know these services, nor security groups of network load balancers; and
        # Gateways are Traefik's, whose kinds may come and go.
        "--enable-shield=false",
        "--enable-waf=false",
        "--enable-wafv2=false",
        "--feature-gates=NLBSecurityGroup=false,ALBGatewayAPI=false,NLBGatewayAPI=false",
        "--enable-leader-election=false",
        f"--health-probe-bind-addr=:{HEALTH}",
    ]


def pod(image: str, vpc: str, url: str) -> Manifest:
    environment = {**KEYS, "AWS_EC2_METADATA_DISABLED": "true"}
    container = {
        "name": NAME,
        "image": image,
        "args": [*arguments(vpc, url), f"--webhook-cert-dir={FILES}"],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "readinessProbe": manifests.answering(HEALTH, "/readyz"),
        "volumeMounts": [{"name": "files", "mountPath": FILES, "readOnly": True}],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    }
    volume = {"name": "files", "secret": {"secretName": NAME}}
    return {"serviceAccountName": NAME, "containers": [container], "volumes": [volume]}
