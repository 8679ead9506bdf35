"""What runs the fleet elsewhere: the image's programs, compose's further files, the proxy and the unit of systemd."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.local.fleet import DRAIN, STAGES
from integration.settings import Settings
from tests.test_docker import BROUGHT, COMPOSE, procfile

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
ENTRYPOINT = DOCKER / "entrypoint.sh"
DEFAULTS = Settings.load({"FLEET_HOME": "/nowhere"})


def ignored() -> list[str]:
    return [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("!")]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """What the image holds below /app and /usr/local/bin, as its Dockerfile copies it."""
    programs = dict(re.findall(r"^COPY docker/(\S+) /usr/local/bin/(\S+)$", DOCKERFILE, re.M))
    assert re.findall(r"^COPY (?!docker)(.+)$", DOCKERFILE, re.M) == ["requirements.txt ./", ". ."]
    left_out = {".git", ".venv", "tests", "docker"}
    assert left_out == {line.removesuffix("/*") for line in ignored()} - {"**/__pycache__"}
    names = [each.name for each in ROOT.iterdir() if each.name not in left_out and not each.name.startswith(".")]
    for name in names:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / "app" / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (tmp_path / "app").mkdir(exist_ok=True)
            shutil.copy(source, tmp_path / "app" / name)
    (tmp_path / "bin").mkdir()
    for source, name in programs.items():
        assert (DOCKER / source).match("docker/*.sh")  # what .dockerignore lets through
        shutil.copy(DOCKER / source, tmp_path / "bin" / name)
    return tmp_path


def variables(image: Path) -> dict[str, str]:
    """Of a container: the Dockerfile's, with the places of this copy."""
    given = dict(pair.split("=", 1) for pair in re.findall(r"^ENV (.+)$", DOCKERFILE, re.M)[0].split())
    assert given == {"FLEET_HOME": "/state", "PYTHONPATH": "/app", "PYTHONUNBUFFERED": "1"}
    path = f"{image / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin"
    return {"PATH": path, "FLEET_HOME": str(image / "state"), "PYTHONPATH": str(image / "app")}


def in_container(image: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    assert 'ENTRYPOINT ["entrypoint"]' in DOCKERFILE
    command = [str(image / "bin" / "entrypoint"), *arguments]
    return subprocess.run(
        command, cwd=image / "app", env=variables(image), capture_output=True, text=True, check=False, timeout=60
    )


def test_any_command_of_the_fleet_runs_in_the_image(image: Path) -> None:
    assert in_container(image, "fleet", "--help").stdout.startswith("Usage: fleet ")
    assert in_container(image, "fleet --version").stdout.startswith("clarity-fleet ")
    checked = in_container(image, "fleet", "mapping", "check")
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout
    where = in_container(image, "python", "-c", "import tasks; print(tasks.__file__)")
    assert where.stdout.startswith(str(image / "app"))


def test_without_its_settings_a_service_says_what_it_lacks(image: Path) -> None:
    migrate = in_container(image, *COMPOSE["migrate"]["command"])
    assert migrate.returncode == 1
    assert migrate.stderr.startswith("error: DATABASE_URL is not set")


def test_a_signal_reaches_the_program_itself(image: Path) -> None:
    for arguments in (["sleep 60"], ["sleep", "60"]):
        command = ["/bin/sh", str(ENTRYPOINT), *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env={"PATH": os.defpath}) as container:
            name = Path(f"/proc/{container.pid}/comm")
            for _ in range(1000):
                if name.read_text() == "sleep\n":
                    break
                signal.sigtimedwait([signal.SIGUSR2], 0.01)
            assert name.read_text() == "sleep\n", arguments
            container.terminate()
            assert container.wait(10) == -signal.SIGTERM


def test_mappings_of_ones_own_are_mounted_over_those_of_the_image() -> None:
    ours = [service for name, service in COMPOSE.items() if name not in BROUGHT]
    assert {volume for service in ours for volume in service["volumes"]} == {
        "${MAPPINGS_FOLDER:-../mappings}:/app/mappings:ro"
    }
    assert (DOCKER / "../mappings/__init__.py").exists()


@pytest.mark.parametrize("name", [name for name in procfile() if name.startswith("worker-")])
def test_the_health_of_a_worker_is_asked_by_its_own_name(name: str) -> None:
    (own,) = re.findall(r" -n (\w+)@%h", procfile()[name])
    kind, command = COMPOSE[name]["healthcheck"]["test"]
    assert (kind, command) == ("CMD-SHELL", f"celery -A tasks inspect ping -t 5 -d {own}@$$HOSTNAME")


def test_what_answers_http_is_asked_for_its_health_there() -> None:
    asked = {name: " ".join(COMPOSE[name]["healthcheck"]["test"]) for name in ("receiver", "flower", "console")}
    assert {name: re.findall(r"//127\.0\.0\.1:(\d+)/", text) for name, text in asked.items()} == {
        name: [bind.rpartition(":")[2]] for name, bind in DEFAULTS.binds.items() if name in asked
    }


def test_secrets_come_as_files_for_every_process() -> None:
    more = yaml.safe_load((DOCKER / "secrets.yaml").read_text())
    assert set(more["services"]) == {*procfile(), "migrate"}
    example = (DOCKER / "example.env").read_text()
    for service in more["services"].values():
        for name, path in service["environment"].items():
            assert f"\n{name.removesuffix('_FILE')}=\n" in example
            assert path == f"/run/secrets/{name.removesuffix('_FILE').lower()}"
        assert [f"/run/secrets/{name}" for name in service["secrets"]] == [*service["environment"].values()]
        assert set(service["secrets"]) == set(more["secrets"])


def test_the_sandbox_in_a_container_publishes_every_address_on_this_machine_only() -> None:
    service: dict[str, Any] = yaml.safe_load((DOCKER / "sandbox.yaml").read_text())["services"]["fleet"]
    assert service["command"] == ["fleet", "up"]
    listens = {name: value.rpartition(":")[2] for name, value in service["environment"].items()}
    assert listens == {f"FLEET_{name.upper()}_BIND": bind.rpartition(":")[2] for name, bind in DEFAULTS.binds.items()}
    assert sorted(service["ports"]) == sorted(f"127.0.0.1:{port}:{port}" for port in listens.values())


def test_the_proxy_publishes_webhooks_and_hints_and_has_deadlines() -> None:
    text = (DOCKER / "Caddyfile").read_text()
    assert text.count("{") == text.count("}")
    assert re.findall(r"@public path (.+)", text) == ["/webhooks/* /hints/*"]
    (seconds,) = re.findall(r"read_body (\d+)s", text)
    assert int(seconds) > DEFAULTS.webhook_deadline, "Caddy answers 200 where it gives up on a body itself"
    assert re.findall(r"read_header (\d+)s", text) == ["5"]
    (megabytes,) = re.findall(r"max_size (\d+)MB", text)
    assert int(megabytes) * 1_000_000 > DEFAULTS.webhook_limit  # the receiver itself refuses, and counts it
    assert "log" not in text  # the addresses of hints end in a secret


def test_systemd_waits_for_a_stop_in_order() -> None:
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string((DOCKER / "clarity-fleet.service").read_text())
    service = unit["Service"]
    assert service["ExecStart"] == "/opt/clarity-fleet/fleet up"
    assert (service["KillMode"], service["User"]) == ("mixed", DEFAULTS.run_as)
    servers = 2 * 15
    assert int(service["TimeoutStopSec"]) >= DRAIN * len(STAGES) + servers
    assert service["Environment"] == f"FLEET_HOME=/var/lib/{service['StateDirectory']}"
