"""Two machines and a stranger, each a container with systemd and SSH, on a network of their own.

The stranger plays the rest of the world: pebble as the certificate authority, and a prober.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.engine import Docker
from cluster.settings import ROOT
from tests.deploy.vm import image
from tests.support import mail_server
from tests.support.poll import eventually

PREFIX = "bsvm"
KEY = "key"
DOMAIN = "books.example.com"
AUTHORITY = "authority.example.com"
MAIL_FOLDER = "/root/mail"
# What a shell or systemd could take for something of its own.
MAIL_LOGIN = ("books", 'a"b$c \\d')
# A container of a machine lives as one: systemd is its first process.
FLAGS = (
    "--privileged", "--cgroupns=private", "--security-opt=seccomp=unconfined", "--tmpfs=/run",
    "--tmpfs=/tmp", "--stop-signal=SIGRTMIN+3",
)  # fmt: skip
# A host's line at the end of what ansible-playbook says, and a count of it.
RECAP = re.compile(r"^(\S+) +: (ok=.*)$", re.MULTILINE)
COUNT = re.compile(r"(\w+)=(\d+)")
PLAYBOOK = ROOT / ".venv-deploy" / "bin" / "ansible-playbook"


@dataclass
class Machine:
    """One container."""

    docker: Docker
    name: str

    @property
    def address(self) -> str:
        template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return self.docker.run("inspect", "--format", template, self.name).strip()

    def run(self, *command: str) -> str:
        """Run a command there; raises ClusterError when it fails."""
        return self.docker.run("exec", self.name, *command)

    def attempt(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command there whose failure is an answer."""
        words = [str(self.docker.client), "exec", self.name, *command]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    def cut_power(self) -> None:
        self.docker.run("kill", "--signal=KILL", self.name)

    def power_on(self) -> None:
        self.docker.run("start", self.name)
        self.await_ssh()

    def await_ssh(self) -> None:
        def listening() -> None:
            # Ubuntu starts the server at the first connection.
            told = self.attempt("systemctl", "is-active", "ssh.service", "ssh.socket")
            assert "active" in told.stdout.split(), f"{self.name}: SSH is {told.stdout.strip()}"

        eventually(listening, within=90, every=1)


@dataclass
class Site:
    """The machines, and the way to run playbooks on them."""

    app: Machine
    database: Machine
    stranger: Machine
    folder: Path
    reference: str
    addresses: Iterator[str]

    def lose_database(self) -> None:
        """Take the database machine away, and put a new one at another address in its place."""
        docker, name = self.database.docker, self.database.name
        docker.run("rm", "--force", "--volumes", name)
        start(self.database, next(self.addresses), self.reference, self.folder / KEY, "database")
        self.database.await_ssh()
        write_inventory(self)

    @property
    def root(self) -> Path:
        """Give the file with the authority's root, which signs what pebble issues."""
        return self.folder / "root.pem"

    @property
    def inventory(self) -> Path:
        """Give the inventory; the secrets that Ansible makes lie beside it."""
        return self.folder / "hosts.json"

    def tell_database(self, statement: str) -> str:
        """Run a statement as the database's administrator, and give what it printed."""
        client = "mysql" if image.UBUNTU else "mariadb"
        return self.database.run(client, "--batch", "--skip-column-names", "-e", statement)

    @staticmethod
    def told(done: subprocess.CompletedProcess[str]) -> str:
        """Give what a playbook said, without the breaks of its lines and the quotes of YAML."""
        return re.sub(r"\s+", " ", done.stdout + done.stderr).replace('\\"', '"')

    def play(
        self, playbook: str, root: Path = ROOT, **variables: object
    ) -> dict[str, dict[str, int]]:
        """Run a playbook and give each host's counts; raises AssertionError with all it said."""
        done = self.attempt(playbook, root, None, **variables)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        recap = RECAP.findall(done.stdout)
        assert recap, done.stdout
        return {host: {k: int(v) for k, v in COUNT.findall(counts)} for host, counts in recap}

    def attempt(
        self,
        playbook: str,
        root: Path = ROOT,
        inventory: Path | None = None,
        **variables: object,
    ) -> subprocess.CompletedProcess[str]:
        """Run a playbook whose failure is an answer."""
        command = [str(PLAYBOOK), "--inventory", str(inventory or self.inventory)]
        for key, value in variables.items():
            command += ["--extra-vars", json.dumps({key: value})]
        env = os.environ | {
            "ANSIBLE_CONFIG": str(root / "deploy" / "vm" / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "ansible"),
        }
        return subprocess.run(
            [*command, str(root / "deploy" / "vm" / playbook)],
            capture_output=True, text=True, env=env, check=False,
        )  # fmt: skip


@contextmanager
def running(folder: Path) -> Iterator[Site]:
    """Start the machines, and remove them afterwards."""
    docker, reference = image.ensure()
    machines = {
        name: Machine(docker, f"{PREFIX}-{name}") for name in ("app", "database", "stranger")
    }
    aliases = {"app": DOMAIN, "stranger": AUTHORITY}
    _remove(docker, machines)
    key = folder / KEY
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    try:
        addresses = make_network(docker)
        for name, machine in machines.items():
            start(machine, next(addresses), reference, key, aliases.get(name, name))
        for machine in machines.values():
            machine.await_ssh()
        site = Site(
            machines["app"],
            machines["database"],
            machines["stranger"],
            folder,
            reference,
            addresses,
        )
        start_authority(site)
        start_mail_server(site.stranger)
        write_inventory(site)
        yield site
    finally:
        _remove(docker, machines)


def start(machine: Machine, address: str, reference: str, key: Path, alias: str) -> None:
    """Start a machine that is new but for the key that opens it by SSH."""
    docker = machine.docker
    docker.run(
        "run", "--detach", f"--name={machine.name}",
        f"--hostname={machine.name.removeprefix(PREFIX).strip('-')}", f"--network={PREFIX}",
        f"--ip={address}", f"--network-alias={alias}", *FLAGS, reference,
    )  # fmt: skip
    machine.run("cp", "/srv/apt/apt.conf", "/etc/apt/apt.conf.d/99archive")
    # Apt takes its lists for fresh, for there is no mirror to ask.
    machine.run("mkdir", "-p", "/var/lib/apt/periodic")
    machine.run("touch", "/var/lib/apt/periodic/update-success-stamp")
    docker.run("cp", f"{key}.pub", f"{machine.name}:/root/.ssh/authorized_keys")
    machine.run("chown", "root:root", "/root/.ssh", "/root/.ssh/authorized_keys")
    machine.run("chmod", "0600", "/root/.ssh/authorized_keys")


def make_network(docker: Docker) -> Iterator[str]:
    """Make the machines' network, and give addresses that stay theirs over a power cut.

    Docker gives fixed addresses only where the subnet is chosen, so it is asked for a free one
    first.
    """
    docker.run("network", "create", PREFIX)
    template = "{{range .IPAM.Config}}{{.Subnet}}{{end}}"
    subnet = docker.run("network", "inspect", "--format", template, PREFIX).strip()
    docker.run("network", "rm", PREFIX)
    docker.run("network", "create", f"--subnet={subnet}", PREFIX)
    hosts = ipaddress.ip_network(subnet).hosts()
    return (str(host) for host in itertools.islice(hosts, 10, None))


def start_authority(site: Site) -> None:
    """Start pebble on the stranger, and fetch the root that it signs with."""
    stranger = site.stranger
    packages = ("pebble", "curl", "openssl")
    stranger.run("apt-get", "-q", "-y", "--no-install-recommends", "install", *packages)
    stranger.run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "30", "-subj", f"/CN={AUTHORITY}", "-addext",
        f"subjectAltName=DNS:{AUTHORITY}", "-keyout", "/root/acme.key", "-out", "/root/acme.pem",
    )  # fmt: skip
    (site.folder / "acme.pem").write_text(stranger.run("cat", "/root/acme.pem"))
    config = {
        "pebble": {
            "listenAddress": "0.0.0.0:14000",
            "managementListenAddress": "0.0.0.0:15000",
            "certificate": "/root/acme.pem",
            "privateKey": "/root/acme.key",
            "httpPort": 80,
            "tlsPort": 443,
        }
    }
    (site.folder / "pebble.json").write_text(json.dumps(config))
    stranger.docker.run("cp", site.folder / "pebble.json", f"{stranger.name}:/root/pebble.json")
    stranger.run(
        "systemd-run", "--unit=pebble", "--setenv=PEBBLE_VA_NOSLEEP=1",
        "--setenv=PEBBLE_WFE_NONCEREJECT=0", "pebble", "-config", "/root/pebble.json",
    )  # fmt: skip

    def root() -> str:
        told = stranger.attempt("curl", "-sfk", "https://127.0.0.1:15000/roots/0")
        assert told.returncode == 0, told.stderr
        return told.stdout

    site.root.write_text(eventually(root, within=30))


def start_mail_server(stranger: Machine) -> None:
    """Start the mail server that the inventory names."""
    program = mail_server.__file__
    stranger.docker.run("cp", program, f"{stranger.name}:/root/mail_server.py")
    stranger.run("systemd-run", "--unit=mail", "python3", "/root/mail_server.py", MAIL_FOLDER)


def write_inventory(site: Site) -> None:
    """Write what a person would write into inventory/hosts.yml."""

    def host(machine: Machine) -> dict[str, str]:
        return {"ansible_host": machine.address, "ansible_user": "root"}

    variables = {
        "domain": DOMAIN,
        "certificate_email": "ops@example.com",
        "acme_server": f"https://{AUTHORITY}:14000/dir",
        "acme_ca_file": str(site.folder / "acme.pem"),
        "smtp_host": AUTHORITY,
        "smtp_tls": "disabled",
        "smtp_user": MAIL_LOGIN[0],
        "smtp_password": MAIL_LOGIN[1],
        "ansible_ssh_private_key_file": str(site.folder / KEY),
        # Half of the memory of the machine that the tests run on is not theirs to take.
        "database_buffer_megabytes": 128,
    }
    children = {
        "app": {"hosts": {"app-1": host(site.app)}},
        "database": {"hosts": {"database-1": host(site.database)}},
    }
    inventory = {"all": {"vars": variables, "children": children}}
    site.inventory.write_text(json.dumps(inventory))


def _remove(docker: Docker, machines: dict[str, Machine]) -> None:
    for machine in machines.values():
        command = [str(docker.client), "rm", "--force", "--volumes", machine.name]
        subprocess.run(command, capture_output=True, check=False)
    subprocess.run([docker.client, "network", "rm", PREFIX], capture_output=True, check=False)
