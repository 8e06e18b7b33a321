"""What the environment names has to be there: image, certificate, domain, data, secrets."""

import re
import socket

from deploy.aws.fleet.checks.finding import AbsentError, Aws, Finding, asking_for


def machines(aws: Aws) -> Finding:
    """Check that the type of instance is there in two zones."""
    kind = aws.value("InstanceType")
    told = aws.client("ec2").describe_instance_type_offerings(
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": [kind]}],
    )
    zones = {each["Location"] for each in told["InstanceTypeOfferings"]}
    if len(zones) < 2:
        return Finding(
            "machines", False,
            f"{kind} is offered in {len(zones)} zones of {aws.environment.region}; set "
            "InstanceType to another, such as t3.small.",
        )  # fmt: skip
    return Finding("machines", True, f"{kind} is offered in {len(zones)} zones")


def image(aws: Aws) -> Finding:
    """Check that an image in ECR is there."""
    name = aws.value("Image")
    ecr = re.fullmatch(
        r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@]+)(?::([^@]+))?(?:@(.+))?",
        name,
    )
    if not ecr:
        return Finding("image", None, f"{name} is in another registry, which is not asked")
    account, region, repository, tag, digest = ecr.groups()
    if region != aws.environment.region:
        return Finding(
            "image", False,
            f"{name} is in {region}; push it to {aws.environment.region}, where they run.",
        )  # fmt: skip
    wanted = {"imageDigest": digest} if digest else {"imageTag": tag or "latest"}
    try:
        with asking_for():
            aws.client("ecr").describe_images(
                registryId=account, repositoryName=repository, imageIds=[wanted]
            )
    except AbsentError:
        return Finding("image", False, f"{name} is not there; push it, or correct Image.")
    return Finding("image", True, name)


def certificate(aws: Aws) -> Finding:
    """Check that the certificate is of this region, issued, and for the domain."""
    arn, domain = aws.value("CertificateArn"), aws.value("DomainName")
    if not arn:
        return Finding("certificate", True, "none, so the shop speaks HTTP without encryption")
    if arn.split(":")[3] != aws.environment.region:
        return Finding(
            "certificate", False,
            f"{arn} is of another region; ask ACM in {aws.environment.region} for one.",
        )  # fmt: skip
    try:
        with asking_for():
            told = aws.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
    except AbsentError:
        return Finding(
            "certificate", False, f"{arn} is not there; take one of aws acm list-certificates."
        )
    names = {told["DomainName"], *told.get("SubjectAlternativeNames", [])}
    if told["Status"] != "ISSUED":
        return Finding(
            "certificate", False,
            f"it is {told['Status']}; put the record that ACM asks for into the domain's zone.",
        )  # fmt: skip
    if domain and not {domain, f"*.{domain.partition('.')[2]}"} & names:
        return Finding(
            "certificate", False,
            f"it is for {', '.join(sorted(names))} and not for {domain}; correct one of both.",
        )  # fmt: skip
    return Finding("certificate", True, f"issued for {', '.join(sorted(names))}")


def domain(aws: Aws) -> Finding:
    """Check that the domain's zone is there, or that the name leads somewhere."""
    domain, zone = aws.value("DomainName"), aws.value("HostedZoneId")
    if not domain:
        return Finding("domain", True, "none, so the load balancer's own name is the URL")
    if not zone:
        return resolves(domain)
    try:
        with asking_for():
            told = aws.client("route53").get_hosted_zone(Id=zone)["HostedZone"]
    except AbsentError:
        return Finding(
            "domain", False, f"there is no zone {zone}; take one of "
            "aws route53 list-hosted-zones.",
        )  # fmt: skip
    name = told["Name"].rstrip(".")
    if told["Config"].get("PrivateZone"):
        return Finding("domain", False, f"the zone {zone} is private; readers need a public one.")
    if domain != name and not domain.endswith(f".{name}"):
        return Finding(
            "domain",
            False,
            f"{domain} is not in the zone {zone} of {name}; correct one of both.",
        )
    return Finding("domain", True, f"{domain} in the zone of {name}")


def resolves(domain: str) -> Finding:
    """Check that a name of another DNS service leads somewhere."""
    try:
        socket.getaddrinfo(domain, 443)
    except OSError:
        return Finding(
            "domain", None,
            f"{domain} does not resolve yet; make it a CNAME of the load balancer that "
            "make fleet names at its end, or set HostedZoneId.",
        )  # fmt: skip
    return Finding("domain", True, f"{domain} resolves")


def kept_data(aws: Aws) -> Finding:
    """Check that the file system and the snapshot to go on with are there."""
    files, snapshot = aws.value("FileSystemId"), aws.value("DatabaseSnapshot")
    try:
        with asking_for():
            if files:
                aws.client("efs").describe_file_systems(FileSystemId=files)
            if snapshot and not aws.made("data"):
                aws.client("rds").describe_db_snapshots(DBSnapshotIdentifier=snapshot)
    except AbsentError as absent:
        return Finding("kept data", False, f"{absent}; correct FileSystemId or DatabaseSnapshot.")
    found = ", ".join(name for name in (files, snapshot) if name)
    return Finding("kept data", True, found or "none, so the shop begins empty")


def database(aws: Aws) -> Finding:
    """Check that RDS offers the class of database, in several zones where these are wanted."""
    kind, version = aws.value("DatabaseClass"), aws.value("DatabaseVersion")
    told = (
        aws.client("rds")
        .get_paginator("describe_orderable_db_instance_options")
        .paginate(Engine="mysql", DBInstanceClass=kind)
    )
    offered = [
        each
        for page in told
        for each in page["OrderableDBInstanceOptions"]
        if f"{each['EngineVersion']}.".startswith(f"{version}.")
    ]
    where = f"with MySQL {version} in {aws.environment.region}"
    fix = "set DatabaseClass to another, such as db.t4g.micro."
    if not offered:
        return Finding("database", False, f"{kind} is not offered {where}; {fix}")
    several = aws.value("DatabaseZones") == "several"
    if several and not any(each["MultiAZCapable"] for each in offered):
        return Finding("database", False, f"{kind} is in one zone alone {where}; {fix}")
    return Finding("database", True, f"{kind} is offered {where}")


def mail(aws: Aws) -> Finding:
    """Check that the secret with the login at the mail server is there."""
    host, secret = aws.value("SmtpHost"), aws.value("SmtpSecret")
    if not host:
        return Finding("mail", None, "SmtpHost is empty, so mail stays in files under backups.")
    if secret:
        try:
            with asking_for():
                aws.client("secretsmanager").describe_secret(SecretId=secret)
        except AbsentError:
            return Finding(
                "mail", False,
                f"there is no secret {secret}; make it with the keys username and password, or "
                "correct SmtpSecret.",
            )  # fmt: skip
    return Finding("mail", True, f"sent by {host}")


def access_logs(aws: Aws) -> Finding:
    """Check that the bucket of access logs is there, in this region."""
    subject, bucket = "access logs", aws.value("AccessLogsBucket")
    if not bucket:
        return Finding(subject, True, "none are asked for")
    try:
        with asking_for():
            told = aws.client("s3").get_bucket_location(Bucket=bucket)
    except AbsentError:
        return Finding(
            subject, False, f"there is no bucket {bucket}; make it, or empty AccessLogsBucket."
        )
    region = told.get("LocationConstraint") or "us-east-1"
    if region != aws.environment.region:
        return Finding(
            subject, False,
            f"the bucket {bucket} is in {region}; take one in {aws.environment.region}.",
        )  # fmt: skip
    return Finding(subject, True, f"into {bucket}")


def alarms(aws: Aws) -> Finding:
    """Tell whether anybody hears of alarms and of the budget."""
    email = aws.value("AlarmEmail")
    if not email:
        return Finding(
            "alarms", None,
            "AlarmEmail is empty, so nobody is told of alarms, and there is no budget.",
        )  # fmt: skip
    return Finding("alarms", True, f"told to {email}, after a click in the first mail")
