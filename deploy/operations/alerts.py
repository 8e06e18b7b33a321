"""The index of the runbooks, and the reference of alerts, from the PrometheusRules."""

from deploy.operations.sources import NOTE, Alert, alerts, table

RULES = "manifests/components/monitoring*/prometheusrule.yaml"
INDEX = """# Runbooks

{note}

One page for each alert: what it means, what it does to people, where to look, what to do. The
annotation `runbook_url` of an alert has the path of its page in this repository.
"""
REFERENCE = """# Alerts

{note}

`manifests/components/monitoring` alerts on the shop, `manifests/components/monitoring-operator` on
the operator. How to add them: [observe](../how-to/observe.md).
"""


def index() -> str:
    """Return docs/runbooks/README.md."""
    rows = [(f"[{one.name}]({one.name}.md)", one.severity, _plain(one)) for one in _sorted()]
    head = INDEX.format(note=NOTE.format(RULES))
    return f"{head}\n{table(('Alert', 'Severity', 'Summary'), rows)}"


def reference() -> str:
    """Return docs/reference/alerts.md."""
    rows = [
        (
            f"[{one.name}](../runbooks/{one.name}.md)",
            one.about,
            one.severity,
            f"`{one.expression}`",
            one.lasts,
        )
        for one in _sorted()
    ]
    head = REFERENCE.format(note=NOTE.format(RULES))
    return f"{head}\n{table(('Alert', 'About', 'Severity', 'Expression', 'For'), rows)}"


def _sorted() -> list[Alert]:
    return sorted(alerts(), key=lambda one: (one.severity != "critical", one.about, one.name))


def _plain(alert: Alert) -> str:
    """Return the summary with its templates as words: ``{{ $labels.store }}`` as STORE."""
    text = alert.summary
    while "{{" in text:
        before, _, rest = text.partition("{{")
        inside, _, after = rest.partition("}}")
        word = inside.split("|")[0].strip().removeprefix("$labels.").removeprefix("$")
        text = f"{before}{word.upper()}{after}"
    return text
