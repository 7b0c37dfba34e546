"""The manifests in `deploy/kubernetes`: what runs, what it may do, and who reaches whom."""

import importlib.util
import shutil
from typing import Any

import pytest

from receiver.contract.redis_keys import GROUP, INBOUND
from receiver.web.server import FINISH_WITHIN
from tests.support.deployed import POLL_ENDS_WITHIN, VARIABLES, documents, run
from tests.support.fronts import DEPLOY, tool
from workers.processes import supervisor

OVERLAYS = ["base", "keda"]


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """What `kubectl apply --kustomize` would send."""
    if tool_path := shutil.which("kustomize"):
        command = [tool_path, "build"]
    else:
        command = [tool("kubectl"), "kustomize"]
    return documents(run(*command, str(DEPLOY / "kubernetes" / request.param)))


def test_the_manifests_have_the_shape_kubernetes_wants(manifests: list[dict[str, Any]]) -> None:
    if importlib.util.find_spec("kubernetes_validate") is None:
        pytest.skip("kubernetes-validate is not installed")
    import kubernetes_validate  # type: ignore[import-not-found,unused-ignore]

    for one in manifests:
        if "keda.sh" not in one["apiVersion"]:
            kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)


def with_pods(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What runs pods."""
    return [one for one in manifests if one["kind"] in ("Deployment", "StatefulSet")]


def test_pods_may_do_little_and_have_time_to_end(manifests: list[dict[str, Any]]) -> None:
    deployments = with_pods(manifests)
    names = {one["metadata"]["name"] for one in deployments} - {"worker-more"}
    assert names == {"web", "worker", "poll", "console"}
    for one in deployments:
        pod = one["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["terminationGracePeriodSeconds"] > max(FINISH_WITHIN + 5, supervisor.STOP_WITHIN)
        if one["metadata"]["name"] == "poll":
            assert pod["terminationGracePeriodSeconds"] > POLL_ENDS_WITHIN
        [container] = pod["containers"]
        assert container["args"][0] == one["metadata"]["name"].removesuffix("-more")
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {each["name"] for each in container["env"]} <= VARIABLES


def test_the_workers_that_park_keep_their_disk_and_those_that_come_and_go_have_none(
    manifests: list[dict[str, Any]],
) -> None:
    """Parked events come back from the disk they are on, and a pod with a claim keeps it."""
    for one in with_pods(manifests):
        [container] = one["spec"]["template"]["spec"]["containers"]
        parks = {"name": "RECEIVER_PARK_DIR", "value": "/parked"} in container["env"]
        assert parks == (one["kind"] == "StatefulSet") == (one["metadata"]["name"] == "worker")
        if parks:
            [claim] = one["spec"]["volumeClaimTemplates"]
            mount = {"name": claim["metadata"]["name"], "mountPath": "/parked"}
            assert mount in container["volumeMounts"]
    scaled = [one["spec"]["scaleTargetRef"] for one in manifests if one["kind"] == "ScaledObject"]
    assert scaled in ([], [{"name": "worker-more"}])


def test_whoever_goes_by_where_intake_closes_is_told_the_same(
    manifests: list[dict[str, Any]],
) -> None:
    marks = {}
    for one in with_pods(manifests):
        [container] = one["spec"]["template"]["spec"]["containers"]
        told = {each["name"]: each["value"] for each in container["env"]}
        marks[container["name"]] = told.get("RECEIVER_FULL_PERCENT")
    assert {marks[name] for name in ("web", "worker", "poll", "console")} == {"80"}, marks


def test_nothing_leads_to_the_console(manifests: list[dict[str, Any]]) -> None:
    assert [one for one in manifests if one["kind"] == "Ingress"] == []
    named = [one for one in manifests if one["metadata"]["name"] == "console"]
    assert {one["kind"] for one in named} == {"Deployment", "NetworkPolicy"}
    (policy,) = (one["spec"] for one in named if one["kind"] == "NetworkPolicy")
    assert (policy["policyTypes"], policy.get("ingress")) == (["Ingress", "Egress"], None)
    (pod,) = (one["spec"]["template"]["spec"] for one in named if one["kind"] == "Deployment")
    assert {"name": "HOST", "value": "127.0.0.1"} in pod["containers"][0]["env"]


def test_the_console_gets_through_to_the_web_pods(manifests: list[dict[str, Any]]) -> None:
    """It sends samples and replays rejected requests through them."""
    policies = {
        one["metadata"]["name"]: one["spec"] for one in manifests if one["kind"] == "NetworkPolicy"
    }
    let_in = [one.get("podSelector") for one in policies["web"]["ingress"][0]["from"]]
    assert policies["console"]["podSelector"] in let_in
    [web] = (one for one in with_pods(manifests) if one["metadata"]["name"] == "web")
    [port] = web["spec"]["template"]["spec"]["containers"][0]["ports"]
    ways_out = [port["port"] for rule in policies["console"]["egress"] for port in rule["ports"]]
    assert port["containerPort"] in ways_out


def test_what_selects_pods_finds_them(manifests: list[dict[str, Any]]) -> None:
    pods = [one["spec"]["template"]["metadata"]["labels"] for one in with_pods(manifests)]
    for one in manifests:
        spec = one.get("spec", {})
        selector = spec.get("podSelector") or spec.get("selector")
        if selector:
            labels = selector.get("matchLabels", selector)
            found = sum(labels.items() <= pod.items() for pod in pods)
            assert found == 1 or (found == 2 and one not in with_pods(manifests)), one["metadata"]


def test_workers_are_scaled_by_the_stream_and_group_that_there_are() -> None:
    text = (DEPLOY / "kubernetes/keda/scaled-object.yaml").read_text()
    [trigger] = documents(text)[1]["spec"]["triggers"]
    assert trigger["metadata"]["stream"] == INBOUND
    assert trigger["metadata"]["consumerGroup"] == GROUP


def test_the_example_secret_names_what_is_read() -> None:
    [first, second] = documents((DEPLOY / "kubernetes/secret.example.yaml").read_text())
    assert set(first["stringData"]) <= VARIABLES
    assert set(second["stringData"]) == {"address", "password"}
