"""The verbs: what each does, step by step."""

import shutil
from dataclasses import dataclass

from cluster import (
    compose,
    engine,
    fleet,
    images,
    install,
    kindcluster,
    nodeimage,
    programs,
    shell,
    standins,
)
from cluster.builds import Builder
from cluster.engine import Docker
from cluster.errors import ClusterError
from cluster.images import Images
from cluster.kindcluster import Cluster
from cluster.registry import Registry
from cluster.settings import Settings
from cluster.steps import Steps


@dataclass(frozen=True)
class Verbs:
    """What `python3 -m cluster VERB` does, for one cluster and one person's cache."""

    settings: Settings
    steps: Steps

    def up(self, *, for_tests: bool, topology: str | None = None) -> None:
        """Make or repair the cluster, install the operator and, unless for tests, a store.

        The store keeps its topology where none is given, and is one shop the first time.
        """
        docker = self._engine()
        builder, registry = Builder(self.settings, docker), Registry(docker)
        self._tools()
        with self.steps.step("Node image") as step:
            node_image = nodeimage.ensure(builder, registry, step)
        with self.steps.step("Kubernetes cluster") as step:
            cluster = kindcluster.ensure(self.settings, docker, node_image, step)
        with self.steps.step("Stand-ins for EFS, load balancer and metrics") as step:
            standins.ensure(builder, cluster, registry, step)
        made = self._images(builder, registry)
        self._load(builder, cluster.workers, made)
        with self.steps.step("Operator") as step:
            install.operator(cluster, made, step)
        if for_tests:
            self.steps.say(f"Ready for tests after {self.steps.seconds:.0f} s.")
            return
        self._shop(cluster, made, topology)

    def _shop(self, cluster: Cluster, made: Images, topology: str | None) -> None:
        with self.steps.step("Sample store") as step:
            install.sample(cluster, made, step, topology)
        with self.steps.step("Demonstration books") as step:
            install.seed(cluster, step)
        url = f"http://127.0.0.1:{cluster.host_port}/"
        with self.steps.step("Catalogue") as step:
            install.check(url, step)
        kubectl = "kubectl" if shutil.which("kubectl") else str(self.settings.kubectl)
        look = f"{kubectl} --context {self.settings.context} get bookstores -A"
        self.steps.say(
            f"\nThe shop is open after {self.steps.seconds:.0f} s: {url}\n"
            f"  {look}   (what the operator says)\n"
            f"  {'make down':{len(look)}}   (delete the cluster with its data)"
        )

    def images(self, *, only: str | None) -> None:
        """Build the images (`only`: mysql) and print their names as KEY=value lines."""
        docker = self._engine()
        builder, registry = Builder(self.settings, docker), Registry(docker)
        if only == "mysql":
            with self.steps.step("MySQL image") as step:
                self.steps.say(f"MYSQL_IMAGE={images.mysql(builder, registry, step)}")
            return
        made = self._images(builder, registry)
        nodes = kindcluster.node_names(self.settings, docker)
        if nodes:
            self._load(builder, kindcluster.workers(nodes), made)
        self.steps.say(made.as_env().rstrip())

    def compose(self) -> None:
        """Give Docker's client its compose plugin where it has none."""
        docker = self._engine()
        with self.steps.step("Docker compose") as step:
            compose.ensure(self.settings, docker, compose.client_folder(), step)

    def fleet(self, *, delete: bool) -> None:
        """Make the bench's cluster of simulated nodes anew, or delete it."""
        docker = self._engine()
        settings = fleet.settings_of(self.settings)
        self._tools()
        if delete:
            with self.steps.step(f"Cluster {settings.name}") as step:
                fleet.delete(settings, docker)
                step.result("deleted")
            return
        registry = Registry(docker)
        with self.steps.step("Node image") as step:
            image = nodeimage.ensure(Builder(settings, docker), registry, step)
        with self.steps.step(f"Cluster {settings.name}") as step:
            fleet.create(settings, docker, image, registry, step)

    def down(self) -> None:
        """Delete the cluster, its data and its context in the kubeconfig; caches stay.

        The bench's cluster goes with it, which a bench that was interrupted leaves behind.
        """
        docker = engine.answering()
        if docker is None:
            raise ClusterError(
                "No Docker engine answers, so no cluster runs; start it to delete a cluster."
            )
        if kindcluster.node_names(fleet.settings_of(self.settings), docker):
            self.fleet(delete=True)
        nodes = kindcluster.node_names(self.settings, docker)
        if not nodes:
            self.steps.say(f"There is no cluster {self.settings.name}.")
            return
        self._tools()
        with self.steps.step(f"Cluster {self.settings.name}") as step:
            clear_shared_folder(docker, nodes)
            kindcluster.delete(self.settings, docker)
            shutil.rmtree(self.settings.state, ignore_errors=True)
            step.result(f"{len(nodes)} nodes and their data deleted")

    def demo_data(self) -> None:
        """Put the demonstration's books into the sample store."""
        cluster = self._running()
        with self.steps.step("Demonstration books") as step:
            install.seed(cluster, step)

    def status(self) -> None:
        """Print the nodes and the stores as kubectl shows them."""
        cluster = self._running()
        self.steps.say(cluster.kubectl("get", "nodes").rstrip())
        stores = cluster.attempt("get", "bookstores", "-A")
        self.steps.say("\n" + (stores.stdout or stores.stderr).rstrip())

    def _engine(self) -> Docker:
        with self.steps.step("Docker engine") as step:
            docker = engine.ensure(self.settings, step)
            if not step.outcome:
                step.result(docker.run("version", "--format", "{{.Server.Version}}").strip())
        return docker

    def _tools(self) -> None:
        with self.steps.step("kind and kubectl") as step:
            folder = programs.build(self.settings, "tools", programs.TOOLS, step)
            programs.link_tools(self.settings, folder)

    def _images(self, builder: Builder, registry: Registry) -> Images:
        with self.steps.step("MySQL image") as step:
            mysql = images.mysql(builder, registry, step)
        with self.steps.step("NGINX image") as step:
            nginx = images.nginx(builder, registry, step)
        with self.steps.step("Python image") as step:
            python = images.python(builder, registry, step)
        with self.steps.step("Shop image") as step:
            app = images.own(builder, "app", python, step)
        with self.steps.step("Operator image") as step:
            operator = images.own(builder, "operator", python, step)
        made = Images(app, operator, mysql, nginx)
        (self.settings.cache / "images.env").write_text(made.as_env())
        return made

    def _load(self, builder: Builder, nodes: tuple[str, ...], made: Images) -> None:
        with self.steps.step("Images on the nodes") as step:
            images.load(builder, nodes, [made.app, made.operator, made.mysql, made.nginx], step)

    def _running(self) -> Cluster:
        return kindcluster.running(self.settings, engine.answering())


def clear_shared_folder(docker: Docker, nodes: tuple[str, ...]) -> None:
    """Empty the folder that stands for EFS, from a node: its files belong to other users."""
    shell.attempt(
        docker.client, "exec", nodes[0],
        "find", kindcluster.SHARED_ON_NODES, "-mindepth", "1", "-delete",
    )  # fmt: skip
