"""What deploy/ ships fits the product: metrics, variables, roles, addresses and files that it names are there."""

import configparser
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_args

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from ingest.config.load import load
from ingest.health.metrics import ChannelFigures, Metrics
from ingest.health.states import CONDITIONS
from ingest.roles import ROLES
from routing.distribute import Reason

ROOT: Final = Path(__file__).parents[1]
DEPLOY: Final = ROOT / "deploy"
VARIABLE: Final = re.compile(r"\$\{(PRIYOM_\w+)")


def text(path: str) -> str:
    return (DEPLOY / path).read_text(encoding="utf-8")


def dashboard() -> list[str]:
    """The expressions of all panels."""
    panels = json.loads(text("monitoring/grafana.json"))["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def alerts() -> list[Mapping[str, Any]]:
    (group,) = yaml.safe_load(text("monitoring/alerts.yaml"))["groups"]
    rules: list[Mapping[str, Any]] = group["rules"]
    return rules


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, set[str]]]:
    """What a daemon's /metrics tells: by metric, the labels and, where the product chooses them, their values."""
    metrics = Metrics()
    metrics.refused("site", "busy")
    metrics.refused("site", "store_away")
    for sent in (True, False):
        metrics.sent("email", sent)
    metrics.channels([ChannelFigures("site", CONDITIONS[0], 1.0, 2.0, 3, 4)])
    metrics.wakes(lambda: False)
    found: dict[str, dict[str, set[str]]] = {}
    waiting = [("sales", reason, 1) for reason in get_args(Reason)]
    for family in text_string_to_metric_families(metrics.text((1, 1.0, waiting, {})).decode()):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    # Without a sample yet, a metric with labels shows its name only in its heading.
    found["priyom_outcomes_total"] = {"channel": set(), "outcome": {"failed"}}
    found |= {name: {"channel": set()} for name in ("priyom_received_total", "priyom_duplicates_total")}
    return found


def test_the_metrics_without_a_sample_are_called_so() -> None:
    metrics = Metrics()
    for name in ("priyom_outcomes", "priyom_received", "priyom_duplicates"):
        assert f"# HELP {name}_total " in metrics.text(None).decode()


def test_a_route_that_has_only_failed_has_a_zero_to_be_compared_with() -> None:
    metrics = Metrics()
    metrics.sent("telegram", False)
    told = metrics.text(None).decode()
    assert 'priyom_notices_total{result="sent",route="telegram"} 0.0' in told
    assert 'priyom_notices_total{result="failed",route="telegram"} 1.0' in told


def test_the_first_failure_of_a_channel_is_an_alert() -> None:
    (rule,) = (rule for rule in alerts() if rule["alert"] == "PriyomCannotRead")
    assert 'unless priyom_outcomes_total{outcome="failed"} offset 15m' in rule["expr"]


def test_the_proxy_of_compose_follows_containers_that_are_made_anew() -> None:
    servers = re.findall(r"server [\w-]+:8080[^;]*", text("container/nginx.conf"))
    assert servers
    assert all(server.endswith(" resolve") for server in servers)


def test_the_command_that_gives_kubernetes_the_configuration_finds_it() -> None:
    (named,) = re.findall(r"--from-file=(\S+)", text("kubernetes/priyom.yaml"))
    assert (DEPLOY / "kubernetes" / named).resolve() == DEPLOY / "config.yaml"


def test_no_unit_opens_the_folder_of_the_store() -> None:
    for path in (DEPLOY / "systemd").glob("*.service"):
        assert Unit(path)["Service"]["StateDirectoryMode"] == "0700", path


@pytest.mark.parametrize("where", ["dashboard", "alerts"])
def test_every_metric_and_label_that_is_watched_is_told(where: str, told: dict[str, dict[str, set[str]]]) -> None:
    expressions = dashboard() if where == "dashboard" else [rule["expr"] for rule in alerts()]
    assert len(expressions) > 10
    for expression in expressions:
        for name, matchers in re.findall(r"(priyom_\w+)(?:\{([^}]*)\})?", expression):
            assert name in told, expression
            for label, value in re.findall(r'(\w+)(?:=~|!~|=)"([^"]*)"', matchers):
                assert label in told[name], expression
                assert set(value.split("|")) <= told[name][label], expression
        for labels in re.findall(r"by \(([^)]*)\)", expression):
            names = re.findall(r"priyom_\w+", expression)
            known = {"le"} | {label for name in names for label in told.get(name, {})}
            assert {label.strip() for label in labels.split(",")} <= known, expression


def test_everything_that_is_told_is_on_the_dashboard(told: dict[str, dict[str, set[str]]]) -> None:
    shown = " ".join(dashboard())
    missing = {name for name in told if not name.endswith(("_created", "_count", "_sum"))} - {
        *re.findall(r"priyom_\w+", shown)
    }
    assert not missing


def test_every_alert_is_explained() -> None:
    explained = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    for rule in alerts():
        assert f"| `{rule['alert']}` |" in explained
        assert rule["annotations"]["summary"]


@pytest.fixture(scope="module")
def variables() -> set[str]:
    """What the configuration of deploy/ takes from the environment."""
    return {*VARIABLE.findall(text("config.yaml"))}


def test_the_configuration_of_several_processes_has_no_fault(tmp_path: Path) -> None:
    given = {"PRIYOM_STORAGE_URL": "postgresql://u@h/d", "PRIYOM_HOST": "::", "PRIYOM_PORT": "8081"}
    loaded = load(
        DEPLOY / "config.yaml", given | {"PRIYOM_PUBLIC_URL": "https://leads.example.com", "PRIYOM_FILES": "/f"}
    )
    assert loaded.config is not None, loaded.faults
    assert not loaded.faults
    assert (loaded.config.http.host, loaded.config.http.port, loaded.config.files) == ("::", 8081, Path("/f"))


def roles(command: list[str]) -> list[str]:
    """The roles that a command runs in."""
    assert command[:2] == ["run", "--roles"]
    named = command[2].split(",")
    assert set(named) <= set(ROLES)
    return named


def test_compose_has_two_receivers_two_workers_and_all_roles(variables: set[str]) -> None:
    described = yaml.safe_load(text("container/compose.yaml"))
    services = described["services"]
    ours = {name: one for name, one in services.items() if one["image"] == "priyom"}
    running = [role for name, one in ours.items() if name != "migrate" for role in roles(one["command"])]
    assert sorted(running) == sorted([*ROLES, "receive", "work", "listen"])
    assert ours["migrate"]["command"] == ["migrate"]
    for name, one in services.items():
        assert set(one.get("depends_on", {})) <= set(services), name
        assert "restart" in one, name
        for volume in one.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in described["volumes"] or (DEPLOY / "container" / source).resolve().is_file(), volume
    for one in ours.values():
        assert set(one["environment"]) <= variables
        assert (DEPLOY / "container" / one["build"]["context"]).resolve() == ROOT
        assert (ROOT / one["build"]["dockerfile"]).is_file()
    wanted = {*re.findall(r"\$\{(\w+)", text("container/compose.yaml"))}
    assert wanted == {*re.findall(r"^(\w+)=", text("container/example.env"), re.MULTILINE)}
    upstreams = {*re.findall(r"server ([\w-]+):8080", text("container/nginx.conf"))}
    assert upstreams == {name for name, one in ours.items() if one["command"][-1] in {"receive", "desk"}}


def documents() -> list[Mapping[str, Any]]:
    return list(yaml.safe_load_all(text("kubernetes/priyom.yaml")))


def containers(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from document["spec"]["template"]["spec"]["containers"]


def test_kubernetes_runs_every_role_and_keeps_one_of_each(variables: set[str]) -> None:
    by_kind: dict[str, dict[str, Mapping[str, Any]]] = {}
    for document in documents():
        by_kind.setdefault(document["kind"], {})[document["metadata"]["name"]] = document
    assert {*by_kind["Deployment"]} == {*by_kind["PodDisruptionBudget"]} == {f"priyom-{role}" for role in ROLES}
    for name, deployment in by_kind["Deployment"].items():
        (container,) = containers(deployment)
        assert [f"priyom-{role}" for role in roles(container["args"])] == [name]
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        for other in (deployment, by_kind["PodDisruptionBudget"][name]):
            assert other["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert deployment["spec"]["replicas"] > by_kind["PodDisruptionBudget"][name]["spec"]["minAvailable"]
        probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
        assert {kind: probe["path"] for kind, probe in probes.items()} == {
            "startup": "/healthz",
            "liveness": "/healthz",
            "readiness": "/readyz",
        }
        assert {probe["port"] for probe in probes.values()} == {port["name"] for port in container["ports"]}
    for name, service in by_kind["Service"].items():
        template = by_kind["Deployment"][name]["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= template.items()
    (migration,) = containers(by_kind["Job"]["priyom-migrate"])
    assert migration["args"] == ["migrate"]
    for document in (*by_kind["Deployment"].values(), *by_kind["Job"].values()):
        for container in containers(document):
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted == {volume["name"] for volume in document["spec"]["template"]["spec"]["volumes"]}
            assert {variable["name"] for variable in container["env"]} <= variables
    assert {*re.findall(r"--from-literal=(\w+)", text("kubernetes/priyom.yaml"))} <= variables
    (rule,) = by_kind["Ingress"]["priyom"]["spec"]["rules"]
    leads_to = {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]}
    assert leads_to.pop("/metrics") not in by_kind["Service"]
    assert {*leads_to.values()} == {*by_kind["Service"]}


def test_the_image_has_every_package_and_only_hashed_libraries(variables: set[str]) -> None:
    lines = text("container/Dockerfile").replace("\\\n", " ").splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM")]
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim", base) for base in bases)
    copied = {word for line in lines if re.match("COPY (?!--)", line) for word in line.split()[1:-1]}
    packages = re.search(r"^packages = (\[.*\])$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert packages is not None
    assert {*json.loads(packages[1])} <= copied
    assert all((ROOT / name).exists() for name in copied)
    ignored = {line[1:] for line in text("container/Dockerfile.dockerignore").splitlines() if line.startswith("!")}
    assert ignored == copied
    installs = [line for line in lines if "pip install" in line]
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001"]
    assert {*re.findall(r"(PRIYOM_\w+)=", text("container/Dockerfile"))} <= variables | {"PRIYOM_CONFIG"}


def test_no_file_of_deploy_names_a_registry_or_an_address_of_the_world() -> None:
    for path in DEPLOY.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            hosts = re.findall(r"https?://([\w.-]+)", path.read_text(encoding="utf-8"))
            assert {*hosts} <= {
                "127.0.0.1",
                "leads.example.com",
                "priyom_receive",
                "priyom_desk",
                "receive",
                "desk",
            }
            assert not re.search(r"docker\.io|ghcr\.|quay\.|gcr\.|registry", path.read_text(encoding="utf-8")), path


class Unit(configparser.RawConfigParser):
    """A unit of systemd: keys have capitals and may be repeated."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, interpolation=None)
        self.read(path)

    def optionxform(self, optionstr: str) -> str:
        return optionstr


@pytest.mark.parametrize("name", ["priyom.service", "priyom@.service"])
def test_a_unit_waits_for_readiness_and_watches_for_life(name: str) -> None:
    service = Unit(DEPLOY / "systemd" / name)["Service"]
    assert (service["Type"], service["WatchdogSec"]) == ("notify", "60s")
    assert (service["Restart"], service["User"]) == ("on-failure", "priyom")


def test_only_where_the_store_is_a_file_is_a_misconfiguration_final() -> None:
    """A database that is away at the start has the same exit code, and comes back by itself."""
    alone, several = (Unit(DEPLOY / "systemd" / name) for name in ("priyom.service", "priyom@.service"))
    assert alone["Service"]["RestartPreventExitStatus"] == "2"
    assert "RestartPreventExitStatus" not in several["Service"]
    assert several["Unit"]["StartLimitIntervalSec"] == "0"


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        pytest.skip("systemd-analyze is not installed")
    for unit in (DEPLOY / "systemd").iterdir():
        here = unit.read_text().replace("/opt/priyom/.venv/bin/priyom", sys.executable)
        (tmp_path / unit.name).write_text(here)
    names = ["priyom.service", "priyom@receive-1.service", "priyom-backup.timer"]
    done = subprocess.run(
        [analyse, "verify", "--man=no", *(str(tmp_path / name) for name in names)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "priyom" in line]
    assert not ours
