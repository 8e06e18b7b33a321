"""The four steps from one machine to Kubernetes, and where each is described."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Step:
    """A step: its name, the folder of its templates, its command and its how-to."""

    name: str
    title: str
    folder: str
    command: str
    how_to: str

    @property
    def is_there(self) -> bool:
        """Tell whether the step's templates are in the repository."""
        return any((ROOT / self.folder).iterdir()) if (ROOT / self.folder).is_dir() else False


STEPS = (
    Step("compose", "One machine", ".", "docker compose up", "docs/how-to/compose.md"),
    Step("vm", "Two virtual machines", "deploy/vm", "make vm", "docs/how-to/vm.md"),
    Step("fleet", "A scaled fleet on AWS", "deploy/aws", "make fleet", "docs/how-to/fleet.md"),
    Step("eks", "Kubernetes on EKS", "deploy/eks", "kubectl apply -k", "docs/how-to/eks.md"),
)


def main() -> None:
    """Print the steps, as `make help` does: what begins each of them, and where to read on."""
    print("\nFrom one machine to Kubernetes, a step at a time:\n")
    for number, step in enumerate((step for step in STEPS if step.is_there), 1):
        print(f"  {number}. {step.title:<22} {step.command:<19} {step.how_to}")
    print("\n  docs/how-to/move.md carries a shop from one to the next.")


if __name__ == "__main__":
    main()
