"""The account of AWS that the AWS Load Balancer Controller works in, and what it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.deploy.aws.conftest import Account


@dataclass(frozen=True)
class Cloud:
    """The account of AWS that the controller works in."""

    account: Account
    vpc: str

    def balancer(self, host: str) -> dict[str, Any]:
        """Return the load balancer of a host name that a Service or Ingress was given."""
        told = self.account.ask("elbv2", "describe_load_balancers")["LoadBalancers"]
        (found,) = [one for one in told if one["DNSName"] == host]
        return dict(found)

    def listeners(self, balancer: dict[str, Any]) -> dict[int, dict[str, Any]]:
        """Return the listeners of a load balancer by their port."""
        told = self._of(balancer, "describe_listeners")["Listeners"]
        return {one["Port"]: one for one in told}

    def rules(self, listener: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the rules of a listener, in their order; the last one is for all that is left."""
        told = self.account.ask("elbv2", "describe_rules", ListenerArn=listener["ListenerArn"])
        return list(told["Rules"])

    def target_groups(self, balancer: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the groups that a load balancer sends requests to."""
        return list(self._of(balancer, "describe_target_groups")["TargetGroups"])

    def groups_of_ports(self, balancer: dict[str, Any]) -> dict[int, dict[str, Any]]:
        """Return the group that each port of a network load balancer sends requests to."""
        groups = {one["TargetGroupArn"]: one for one in self.target_groups(balancer)}
        found = {}
        for port, listener in self.listeners(balancer).items():
            (action,) = listener["DefaultActions"]
            (chosen,) = action["ForwardConfig"]["TargetGroups"]
            found[port] = groups[chosen["TargetGroupArn"]]
        return found

    def certificates(self, listener: dict[str, Any]) -> list[str]:
        """Return the ARNs of the certificates that a listener shows."""
        return [one["CertificateArn"] for one in listener.get("Certificates", [])]

    def tags(self, arn: str) -> dict[str, str]:
        told = self.account.ask("elbv2", "describe_tags", ResourceArns=[arn])
        (found,) = told["TagDescriptions"]
        return {one["Key"]: one["Value"] for one in found["Tags"]}

    def arns(self) -> set[str]:
        """Return the ARNs of all load balancers and target groups that there are."""
        balancers = self.account.ask("elbv2", "describe_load_balancers")["LoadBalancers"]
        groups = self.account.ask("elbv2", "describe_target_groups")["TargetGroups"]
        return {one["LoadBalancerArn"] for one in balancers} | {
            one["TargetGroupArn"] for one in groups
        }

    def targets(self, group: dict[str, Any]) -> set[tuple[str, int]]:
        """Return the address and port of each target of a group."""
        told = self.account.ask(
            "elbv2", "describe_target_health", TargetGroupArn=group["TargetGroupArn"]
        )
        found = [one["Target"] for one in told["TargetHealthDescriptions"]]
        return {(one["Id"], one["Port"]) for one in found}

    def attributes(self, kind: str, arn: str) -> dict[str, str]:
        """Return the attributes of a load_balancer or target_group."""
        key = "".join(word.capitalize() for word in kind.split("_")) + "Arn"
        told = self.account.ask("elbv2", f"describe_{kind}_attributes", **{key: arn})
        return {one["Key"]: one["Value"] for one in told["Attributes"]}

    def certificate(self, domain: str) -> str:
        """Ask ACM for a certificate, and return its ARN."""
        told = self.account.ask(
            "acm", "request_certificate", DomainName=domain, ValidationMethod="DNS"
        )
        return str(told["CertificateArn"])

    def _of(self, balancer: dict[str, Any], operation: str) -> dict[str, Any]:
        arn = balancer["LoadBalancerArn"]
        return dict(self.account.ask("elbv2", operation, LoadBalancerArn=arn))
