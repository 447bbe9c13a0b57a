"""The stack that people run, against a simulated Apple and phone: it brings a library through, whatever is done to it."""

from __future__ import annotations

import json
import math
import re
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.compose.stack import (
    POSTGRES,
    PRODUCT,
    ROOT,
    SERVICES,
    Stack,
    logs_of,
    read,
    run,
    service_of,
    uids,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.compose.stack import Opening

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]
CUT_S = 60
PIECE = 65536
"""Bytes that the simulated Apple sends at once on a slow line: the last piece may be on its way at the end."""

LOOK = """
import os, sys
allowed = set(sys.argv[1:])
found = []
for folder, names, _ in os.walk("/"):
    names[:] = [n for n in names if os.path.join(folder, n) not in allowed]
    if os.access(folder, os.W_OK):
        found.append(folder)
print(*found)
"""


def test_three_compressors_share_the_work_of_a_stack_that_holds_its_own_walls(
    stack: Opening,
) -> None:
    with stack("sqlite", UMASK="077", TZ="Europe/Berlin") as here:
        here.up("demo-apple")
        here.until_healthy()
        here.apple("line", mbit=1)  # there is work left when the last of them is there
        here.up("--scale", "compressor=3")
        here.until_healthy()
        here.apple("line", mbit=0)
        for container in here.containers():
            check_walls(container)
            if service_of(container) in SERVICES:
                assert writable(container) == [], service_of(container)
                assert clock_and_mask(container) == "CET 077", service_of(container)
        a_disk_mounted_later_is_seen(here, here.folder / "nas")
        here.prove()
        compressed = Counter(here.done("compressor", "compress"))
        assert len(compressed) >= 10
        assert set(compressed.values()) == {1}
        assert list((here.folder / "data" / "backup").glob("state-*.db"))
        workers = [one for one in here.ids("compressor") if "A task is done." in logs_of(one)]
        assert len(workers) == 3


def test_a_library_gets_through_kills_restarts_a_cut_network_and_a_down_in_the_middle(
    stack: Opening,
) -> None:
    with stack("storm") as here:
        here.up("demo-apple")
        here.until_healthy()
        here.apple("line", mbit=4)
        here.up("--scale", "compressor=3")
        here.until_done("nas_sync", "nas", 1)
        here.apple("line", mbit=0.1)  # what comes now comes so slowly that the end meets it
        with cut(here, "nas_sync"):
            run("docker", "kill", here.ids("compressor")[0])
            here.compose("restart", "-t", "5", "nats")
            here.compose("restart", "-t", "5", "state", "pixel_sync", "compressor")
        here.until_healthy()
        assert not here.done("icloud_cleanup", "purge")
        before = time.monotonic()
        here.compose("stop", "-t", "9", *PRODUCT)
        assert here.exits(*PRODUCT) == {0}, "each ended by itself in less than ten seconds"
        here.compose("down", "-t", "9", *PRODUCT)
        assert time.monotonic() - before < 60
        assert not here.ids("state")
        here.apple("line", mbit=0)
        here.up("--scale", "compressor=3")
        here.prove()
        nothing_came_twice(here)


def nothing_came_twice(here: Stack) -> None:
    """As Apple counts: no file was sent whole twice, and what the end tore off was gone on with where it was torn."""
    assets = here.apple("truth")["assets"].values()
    sizes = [file["size"] for asset in assets for file in asset["resources"].values()]
    sent = [one for one in here.apple("requests?log=1")["log"] if one["kind"] == "download"]
    whole = Counter((one["record"], one["bytes"]) for one in sent if one["bytes"] in sizes)
    assert set(whole.values()) == {1}, sent
    begun = [one for one in sent if one["status"] == 200 and one["bytes"]]
    torn = {one["record"] for one in begun if one["bytes"] not in sizes}
    assert torn, sent
    assert torn <= {one["record"] for one in sent if one["range"]}, sent
    assert sum(one["bytes"] for one in sent) <= sum(sizes) + PIECE * len(torn), sent


def test_the_books_lie_in_postgres_by_one_setting(stack: Opening) -> None:
    profiles = "demo,postgres,monitoring"
    with stack("postgres", profiles, STATE_DATABASE_URL=POSTGRES) as here:
        # Grafana's image may not be had
        here.up("--scale", "compressor=2", *PRODUCT, "postgres", "prometheus")
        here.until_healthy()
        here.prove()
        assert not (here.folder / "data/state/media.db").exists()
        count = run(
            *("docker", "exec", *here.ids("postgres"), "psql", "-U", "photoduct", "-Atc"),
            "SELECT count(*) FROM media",
        )
        assert int(count) > 10
        for container in here.containers():
            check_walls(container)
        sees_each_container(here, **{**dict.fromkeys(SERVICES, 1), "compressor": 2})
        every_rule_has_figures(here)
        every_panel_has_data(here)
        nobody_tells_the_password(here)
        says_what_it_waits_for(here, "state", "postgres", "The books are waited for.")


def says_what_it_waits_for(here: Stack, service: str, other: str, words: str) -> None:
    """Take away what a service cannot work without: it lives, is not healthy, and says why not, until it has that again."""
    here.compose("stop", "-t", "9", other)
    # A cut line is noticed, a name given up and health asked each after a while.
    deadline = time.monotonic() + 150
    while words not in (said := health_of(*here.ids(service))):
        assert time.monotonic() < deadline, (said, here.logs(service)[-9:])
        time.sleep(1)
    here.compose("start", other)
    here.until_healthy()


def health_of(container: str) -> str:
    """Return what Docker last heard of a container's health."""
    told = json.loads(run("docker", "inspect", "-f", "{{json .State.Health.Log}}", container))
    return str(told[-1]["Output"]) if told else ""


def test_grafana_is_held_to_the_same_walls_as_all_others(built: Path) -> None:
    """By what compose would start: the container itself is started nowhere here."""
    said = Stack("config", built, "monitoring").compose("config", "--format", "json")
    grafana = json.loads(said)["services"]["grafana"]
    assert (grafana["read_only"], grafana["cap_drop"]) == (True, ["ALL"])
    assert grafana["security_opt"] == ["no-new-privileges:true"]
    assert grafana["user"] == "1000:1000"
    assert [port["host_ip"] for port in grafana["ports"]] == ["127.0.0.1"]
    assert list(grafana["networks"]) == ["pages"]
    writable = [one["target"] for one in grafana["volumes"] if not one.get("read_only")]
    assert writable == ["/var/lib/grafana"]
    for one in grafana["volumes"]:
        if "deploy" in one["source"]:
            assert (ROOT / one["source"]).is_dir()


def nobody_tells_the_password(here: Stack) -> None:
    """It is in two files, and in no argument, log line, metric or setting, and in no other container's variables."""
    password = (here.folder / "data/secrets/postgres/password").read_text().strip()
    assert len(password) > 30
    for container in here.containers():
        name = service_of(container)
        said = [json.dumps(container), logs_of(container["Id"]), *read(container, "cmdline")]
        if name != "postgres":  # whose image hands it to its own server like this
            said += read(container, "environ")
        if name in SERVICES:
            url = "http://127.0.0.1:9100/metrics"
            asked = f"import urllib.request as web; print(web.urlopen('{url}').read().decode())"
            said.append(run("docker", "exec", container["Id"], "python", "-c", asked))
        assert not any(password in words for words in said), name


def sees_each_container(here: Stack, **wanted: int) -> None:
    """Wait until Prometheus has asked as many containers of each service, and would miss any of them by the rule for that."""
    counts(here, "sum by (service) (up == 1)", wanted)
    rules = (ROOT / "deploy/prometheus/rules.yml").read_text()
    (missed,) = re.findall(r"max by \(service\) \(label_replace\(.+?\)\)", rules)
    counts(here, missed, {name: count for name, count in wanted.items() if name != "state"})


def counts(here: Stack, query: str, wanted: dict[str, int]) -> None:
    """Wait until Prometheus answers with these numbers by service."""
    deadline = time.monotonic() + 90
    while told(asked(here, query)[0]) != wanted:
        assert time.monotonic() < deadline, asked(here, query)
        time.sleep(2)


def told(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {row["metric"]["service"]: int(row["value"][1]) for row in rows}


def every_rule_has_figures(here: Stack) -> None:
    """There is a figure for all that a rule asks for."""
    rules = (ROOT / "deploy/prometheus/rules.yml").read_text()
    names = sorted(set(re.findall(r"photoduct_\w+", rules)))
    deadline = time.monotonic() + 60  # what came last is asked for at the next scrape
    while missing := [
        name for name, rows in zip(names, asked(here, *names), strict=True) if not rows
    ]:
        assert time.monotonic() < deadline, missing
        time.sleep(5)


def every_panel_has_data(here: Stack) -> None:
    """Ask what each panel of each dashboard asks, over the whole run: a number has to come back."""
    asks = {
        target["expr"].replace("$__rate_interval", "15m")
        for path in (ROOT / "deploy/grafana/made").glob("*.json")
        for panel in json.loads(path.read_text())["panels"]
        for target in panel.get("targets", ())
    }
    assert len(asks) > 40
    deadline = time.monotonic() + 60
    while empty := without_number(here, sorted(asks)):
        assert time.monotonic() < deadline, empty
        time.sleep(5)


def without_number(here: Stack, queries: list[str]) -> list[str]:
    found = zip(queries, asked(here, *queries), strict=True)
    return [
        query
        for query, rows in found
        if not any(math.isfinite(float(row["value"][1])) for row in rows)
    ]


def asked(here: Stack, *queries: str) -> list[list[dict[str, Any]]]:
    """Return what Prometheus answers to each query: a row with `metric` and `value` a series."""
    each = 'for query; do wget -qO- "http://127.0.0.1:9090/api/v1/query?query=$query"; echo; done'
    quoted = [quote(query, safe="") for query in queries]
    said = run("docker", "exec", *here.ids("prometheus"), "sh", "-c", each, "sh", *quoted)
    return [json.loads(line)["data"]["result"] for line in said.splitlines()]


def check_walls(container: dict[str, object]) -> None:
    """No root, nothing writable, no rights to gain, no port for other machines."""
    host, config = container["HostConfig"], container["Config"]
    assert isinstance(host, dict)
    assert isinstance(config, dict)
    name = service_of(container)
    assert config["User"] not in {"", "0", "root", "0:0"}, name
    assert 0 not in uids(container), name
    assert uids(container), name
    assert host["ReadonlyRootfs"], name
    assert host["CapDrop"] == ["ALL"], name
    assert host["SecurityOpt"] == ["no-new-privileges:true"], name
    assert host["Memory"], name
    assert host["NanoCpus"], name
    for bindings in (host["PortBindings"] or {}).values():
        assert all(one["HostIp"].startswith("127.") for one in bindings), name


def writable(container: dict[str, object]) -> list[str]:
    """Return the folders outside the mounts that the container's user can write, asked inside."""
    mounts, host = container["Mounts"], container["HostConfig"]
    assert isinstance(mounts, list)
    assert isinstance(host, dict)
    allowed = {one["Destination"] for one in mounts if one["RW"]} | set(host["Tmpfs"])
    said = run(
        *("docker", "exec", str(container["Id"]), "python", "-c", LOOK),
        *(*allowed, "/proc", "/sys", "/dev"),
    )
    return said.split()


def clock_and_mask(container: dict[str, object]) -> str:
    """Return the time zone of a container, and the rights that its service keeps from the files that it makes."""
    asked = "import time; print(time.tzname[0])"
    zone = run("docker", "exec", str(container["Id"]), "python", "-c", asked).strip()
    masks = {
        status.partition("Umask:")[2].split()[0]
        for status in read(container, "status")
        if "docker-init" not in status
    }
    return " ".join((zone, *sorted(mask.removeprefix("0") for mask in masks)))


def a_disk_mounted_later_is_seen(here: Stack, nas: Path) -> None:
    later = nas / "later"
    later.mkdir()
    run("mount", "-t", "tmpfs", "none", str(later))
    try:
        (later / "here").touch()
        run("docker", "exec", *here.ids("nas_sync"), "test", "-e", "/nas/later/here")
    finally:
        run("umount", str(later))
        later.rmdir()


@contextmanager
def cut(here: Stack, service: str) -> Iterator[None]:
    """Take a service off the bus for a minute."""
    began = time.monotonic()
    network, (container,) = f"{here.project}_bus", here.ids(service)
    run("docker", "network", "disconnect", network, container)
    yield
    time.sleep(max(0.0, CUT_S - (time.monotonic() - began)))
    run("docker", "network", "connect", "--alias", service, network, container)


def test_each_alert_fires_when_it_has_to_and_only_then() -> None:
    """By the tool of Prometheus' own image: the configuration, and each alert firing and silent."""
    tool = ("docker", "run", "--rm", "-v", f"{ROOT}/deploy/prometheus:/rules:ro")
    image = ("--entrypoint", "promtool", "prom/prometheus:v3.5.0")
    run(*tool, *image, "check", "config", "/rules/prometheus.yml")
    assert "SUCCESS" in run(*tool, *image, "test", "rules", "/rules/rules_test.yml")
