"""The manifests: valid by Kubernetes' own schemas, and safe where a schema has no opinion.

What a ServiceMonitor may say is for tests/deploy/servicemonitor/run.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate.utils import ValidationError, latest_version, validate

from app.settings.model import Settings
from app.windows_service.spec import READERS


FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
FIRST_STABLE = "1.26"  # of HostProcess containers


def manifest(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return content


KUSTOMIZATION = manifest("kustomization.yaml")
DAEMON_SET = manifest("daemonset.yaml")
POD = DAEMON_SET["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]
SETTINGS = manifest("settings.yaml")["data"]
SERVICE = manifest("service.yaml")
SERVICE_MONITOR = manifest("monitoring/servicemonitor.yaml")


@pytest.mark.parametrize("version", [FIRST_STABLE, latest_version()])
@pytest.mark.parametrize("name", KUSTOMIZATION["resources"])
def test_a_manifest_is_valid(name: str, version: str) -> None:
    validate(manifest(name), version, strict=True)


def test_an_unknown_field_would_be_found() -> None:
    wrong = manifest("daemonset.yaml")
    wrong["spec"]["template"]["spec"]["hostNetworks"] = True

    with pytest.raises(ValidationError, match="hostNetworks"):
        validate(wrong, FIRST_STABLE, strict=True)


def test_nothing_is_left_out_of_the_kustomizations() -> None:
    files = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.yaml")}
    monitoring = manifest("monitoring/kustomization.yaml")["resources"]
    listed = {*KUSTOMIZATION["resources"], *(f"monitoring/{name}" for name in monitoring)}

    assert files == listed | {"kustomization.yaml", "monitoring/kustomization.yaml"}


def test_the_pod_is_a_host_process_with_the_least_rights() -> None:
    options = POD["securityContext"]["windowsOptions"]

    assert POD["hostNetwork"] is True
    assert options["hostProcess"] is True
    assert READERS == "S-1-5-32-556"  # whose English name stands in the manifest
    assert options["runAsUserName"] == "Network Configuration Operators"
    assert "securityContext" not in CONTAINER
    assert POD["nodeSelector"]["kubernetes.io/os"] == "windows"
    labels = manifest("namespace.yaml")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"


def test_the_pod_has_no_token_and_no_variables_of_services() -> None:
    assert POD["automountServiceAccountToken"] is False
    assert POD["enableServiceLinks"] is False


def test_authentication_and_tls_are_configured_from_secrets() -> None:
    secrets = {each["name"]: each["secret"]["secretName"] for each in POD["volumes"]}
    folders = {each["mountPath"]: each for each in CONTAINER["volumeMounts"]}

    for name in (
        "SA_CONTEXTS_TLS_CERTIFICATE_FILE",
        "SA_CONTEXTS_TLS_KEY_FILE",
        "SA_CONTEXTS_API_KEYS_FILE",
    ):
        drive, _, path = SETTINGS[name].replace("\\", "/").partition(":")
        mount = folders[path.rpartition("/")[0]]
        assert drive == "C"
        assert mount["readOnly"] is True
        assert secrets[mount["name"]] in {"sa-contexts-tls", "sa-contexts-keys"}
    assert "SA_CONTEXTS_ALLOW_INSECURE" not in SETTINGS


def test_the_settings_are_the_servers() -> None:
    names = {*SETTINGS, *(each["name"] for each in CONTAINER["env"])}

    assert names <= {f"SA_CONTEXTS_{name}".upper() for name in Settings.model_fields}
    assert CONTAINER["envFrom"] == [{"configMapRef": {"name": "sa-contexts-settings"}}]


def test_all_speak_of_one_port_and_of_tls() -> None:
    port = int(SETTINGS["SA_CONTEXTS_PORT"])
    [opened] = CONTAINER["ports"]

    assert (opened["containerPort"], opened["hostPort"]) == (port, port)
    assert SERVICE["spec"]["ports"] == [
        {"name": "https", "port": port, "targetPort": opened["name"]}
    ]
    assert f"$Port = {port}" in (FOLDER / "firewall.ps1").read_text(encoding="utf-8")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = CONTAINER[probe]["httpGet"]
        assert (asked["port"], asked["scheme"]) == (opened["name"], "HTTPS")
        assert asked["path"] in {"/health/live", "/health/ready"}


def test_the_snapshots_fit_into_the_memory() -> None:
    assert CONTAINER["resources"]["limits"]["memory"] == "1Gi"
    assert int(SETTINGS["SA_CONTEXTS_MAX_SNAPSHOT_BYTES"]) <= (1 << 30) // 4


def test_nothing_is_reached_through_one_address_for_all_nodes() -> None:
    assert SERVICE["spec"]["clusterIP"] == "None"


def test_scrapes_show_a_credential_and_check_the_certificate() -> None:
    [endpoint] = SERVICE_MONITOR["spec"]["endpoints"]
    tls = endpoint["tlsConfig"]

    assert (endpoint["scheme"], endpoint["path"]) == ("https", "/metrics")
    assert endpoint["port"] == SERVICE["spec"]["ports"][0]["name"]
    assert endpoint["authorization"]["credentials"]["name"] == "sa-contexts-prometheus"
    assert not tls.get("insecureSkipVerify")
    assert tls["ca"]["secret"]["name"] == "sa-contexts-tls"
    name, namespace = SERVICE["metadata"]["name"], KUSTOMIZATION["namespace"]
    assert tls["serverName"] == f"{name}.{namespace}.svc"


def test_the_server_goes_by_the_names_of_its_certificate() -> None:
    page = (FOLDER.parents[1] / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    names = re.findall(r"`([\w.-]+\.svc(?:\.[\w.-]+)?)`", page)
    [endpoint] = SERVICE_MONITOR["spec"]["endpoints"]

    hosts = Settings.model_validate(
        {"allowed_hosts": SETTINGS["SA_CONTEXTS_ALLOWED_HOSTS"]}
    ).allowed_hosts

    assert hosts is not None
    assert {*names, endpoint["tlsConfig"]["serverName"]} == set(hosts)


def test_the_rules_find_what_is_scraped() -> None:
    label = SERVICE_MONITOR["spec"]["jobLabel"]
    job = yaml.safe_load((FOLDER.parent / "prometheus/prometheus.yml").read_text("utf-8"))

    assert SERVICE_MONITOR["spec"]["selector"]["matchLabels"] == SERVICE["metadata"]["labels"]
    assert SERVICE["spec"]["selector"] == DAEMON_SET["spec"]["selector"]["matchLabels"]
    assert SERVICE["metadata"]["labels"][label] == job["scrape_configs"][0]["job_name"]
