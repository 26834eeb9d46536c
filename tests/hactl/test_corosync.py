"""corosync.conf: corosync itself reads it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from hactl.corosync import render
from hactl.errors import HactlError
from tests.hactl.topologies import BASE, cluster_of

TWO = "".join(line for line in BASE.splitlines(keepends=True) if "node3" not in line)


def test_nodes_links_and_times_are_in_it() -> None:
    text = render(cluster_of(BASE.replace("{name: demo}", "{name: demo, token: 1s}")))
    for line in ("cluster_name: demo", "token: 1000", "consensus: 1200", "transport: knet"):
        assert f"    {line}\n" in text
    assert text.count("ring1_addr: 10.0.1.") == 3
    assert "two_node" not in text


def test_the_traffic_is_encrypted() -> None:
    text = render(cluster_of(BASE))
    assert "crypto_cipher: aes256" in text
    assert "crypto_hash: sha256" in text


def test_two_nodes_wait_for_each_other() -> None:
    text = render(cluster_of(TWO))
    assert "two_node: 1" in text
    assert "wait_for_all: 1" in text


def test_two_nodes_that_must_not_wait_say_so() -> None:
    text = render(cluster_of(TWO.replace("{name: demo}", "{name: demo, wait_for_all: false}")))
    assert "wait_for_all: 0" in text


def test_a_node_without_links_cannot_be_in_it() -> None:
    text = BASE
    for number in (1, 2, 3):
        text = text.replace(f"links: [10.0.0.{number}, 10.0.1.{number}], ", "")
    with pytest.raises(HactlError, match="node1, node2, node3: without links"):
        render(cluster_of(text))


def test_node_ids_are_kept_when_they_are_given() -> None:
    text = BASE
    for number in (1, 2, 3):
        text = text.replace(f"node{number}: {{", f"node{number}: {{id: {number + 10}, ")
    assert "nodeid: 13" in render(cluster_of(text))


@pytest.mark.backend
@pytest.mark.skipif(not shutil.which("corosync"), reason="corosync is not installed")
@pytest.mark.parametrize("text", [BASE, TWO], ids=["three", "two"])
def test_corosync_accepts_it(text: str, tmp_path: Path) -> None:
    conf = tmp_path / "corosync.conf"
    made = render(cluster_of(text)).replace("/var/log/corosync", str(tmp_path))
    # It looks for itself among the nodes. Without crypto it reads no key.
    conf.write_text(
        made.replace("10.0.0.1", "127.0.0.1").replace("aes256", "none").replace("sha256", "none")
    )
    done = subprocess.run(
        ["corosync", "-t", "-c", str(conf)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
