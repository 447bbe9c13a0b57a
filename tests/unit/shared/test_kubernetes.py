"""The Kubernetes base renders, fits Kubernetes' schemas, gives no pod a right too many, and names nothing that is not there."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from shared.domain.pipeline import SERVICES, STAGES, STATE

ROOT = Path(__file__).parents[3]
BASE = ROOT / "deploy" / "kubernetes"
VERSION = "1.32"
OWN_KINDS = {"ScaledObject"}
"""Of KEDA: Kubernetes has no schema of it."""


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    if shutil.which("kubectl") is None:
        reason = "kubectl is not installed"
        if os.environ.get("PHOTODUCT_REQUIRE_REAL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    done = subprocess.run(
        ["kubectl", "kustomize", str(BASE)], capture_output=True, text=True, check=True
    )
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def pods(objects: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Return name, template and specification of whatever starts pods."""
    found = [one for one in objects if "template" in one.get("spec", {})]
    return [(one["metadata"]["name"], one["spec"], one["spec"]["template"]) for one in found]


def names(objects: list[dict[str, Any]], kind: str) -> set[str]:
    return {one["metadata"]["name"] for one in objects if one["kind"] == kind}


def test_every_object_fits_its_schema(objects: list[dict[str, Any]]) -> None:
    for one in objects:
        if one["kind"] not in OWN_KINDS:
            kubernetes_validate.validate(one, VERSION, strict=True)
        assert one["kind"] == "Namespace" or one["metadata"]["namespace"] == "photoduct"


def test_every_service_is_there(objects: list[dict[str, Any]]) -> None:
    started = {name for name, _, _ in pods(objects)}
    wanted = {service.name.replace("_", "-") for service in (*SERVICES, STATE)}
    assert started == wanted | {"nats", "streams", "cli"}


def test_no_pod_has_a_right_too_many(objects: list[dict[str, Any]]) -> None:
    for name, _, template in pods(objects):
        pod = template["spec"]
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in pod["containers"]:
            rights = container["securityContext"]
            assert rights["readOnlyRootFilesystem"] is True, name
            assert rights["allowPrivilegeEscalation"] is False, name
            assert rights["capabilities"] == {"drop": ["ALL"]}, name
            assert "memory" in container["resources"]["limits"], name


def test_what_works_for_long_is_probed(objects: list[dict[str, Any]]) -> None:
    for name, _, template in pods(objects):
        (container,) = template["spec"]["containers"]
        probed = {"readinessProbe", "livenessProbe"} <= container.keys()
        assert probed or name in {"streams", "cli"}, name


def test_what_is_mounted_is_there(objects: list[dict[str, Any]]) -> None:
    claims, maps = names(objects, "PersistentVolumeClaim"), names(objects, "ConfigMap")
    for name, spec, template in pods(objects):
        volumes = {one["name"]: one for one in template["spec"]["volumes"]}
        made = {one["metadata"]["name"] for one in spec.get("volumeClaimTemplates", ())}
        for container in template["spec"]["containers"]:
            mounted = {one["name"] for one in container["volumeMounts"]}
            assert mounted == volumes.keys() | made, name
            assert {one["configMapRef"]["name"] for one in container.get("envFrom", ())} <= maps
        for volume in volumes.values():
            assert volume.get("configMap", {}).get("name", "photoduct-config") in maps
            claim = volume.get("persistentVolumeClaim", {}).get("claimName", "media")
            assert claim in claims


def test_no_secret_is_committed_and_each_user_of_the_bus_sees_its_own(
    objects: list[dict[str, Any]],
) -> None:
    assert names(objects, "Secret") == set()
    own = {"streams": "admin", "cli": "operator"}
    for name, _, template in pods(objects):
        secrets = [v["secret"]["secretName"] for v in template["spec"]["volumes"] if "secret" in v]
        wanted = "photoduct-nats" if name == "nats" else f"photoduct-bus-{own.get(name, name)}"
        assert secrets == [wanted]


def test_nobody_reaches_anybody_but_for_what_is_named(objects: list[dict[str, Any]]) -> None:
    policies = {one["metadata"]["name"]: one for one in objects if one["kind"] == "NetworkPolicy"}
    assert policies["default-deny"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }
    labels = {name: template["metadata"]["labels"] for name, _, template in pods(objects)}
    abroad = {name for name, one in labels.items() if one.get("reaches") == "internet"}
    assert abroad == {"downloader", "icloud-cleanup", "cli"}
    assert {name for name, one in labels.items() if one.get("bus") != "client"} == {"nats"}


def test_the_scaler_asks_for_a_stage_that_there_is(objects: list[dict[str, Any]]) -> None:
    (scaler,) = (one for one in objects if one["kind"] == "ScaledObject")
    assert scaler["spec"]["scaleTargetRef"]["name"] in names(objects, "Deployment")
    asked = [trigger["metadata"]["valueLocation"] for trigger in scaler["spec"]["triggers"]]
    stages = {stage.name for stage in STAGES}
    wanted = {f'photoduct_work{{stage="{stage}",state="due"}}' for stage in stages}
    assert wanted & set(asked) == {'photoduct_work{stage="compress",state="due"}'}
