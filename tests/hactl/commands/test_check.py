"""`hactl check` and `hactl render` as they are called."""

import json
from pathlib import Path

import pytest
from lxml import etree

from tests.hactl.cli import hactl, written
from tests.hactl.topologies import BASE, guests

BAD = guests("web1: memroy: 1GiB", "web2: nics: [lam]")
ODD = BASE.replace("{name: demo}", "{name: demo, fencing: false}")


def test_a_good_file_is_good(tmp_path: Path) -> None:
    done = hactl("check", written(tmp_path, BASE))
    assert (done.returncode, done.stdout, done.stderr) == (0, "no problems found\n", "")


def test_all_problems_are_listed_and_the_exit_status_says_so(tmp_path: Path) -> None:
    file = written(tmp_path, BAD)
    done = hactl("check", file)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{file}:10: guests.web1.memroy: unknown key; did you mean 'memory'?",
        f"{file}:11: guests.web2.nics[0].network: there is no network 'lam'; did you mean 'lan'?",
    ]
    assert done.stderr == ""


def test_warnings_alone_are_no_failure(tmp_path: Path) -> None:
    done = hactl("check", written(tmp_path, ODD))
    assert done.returncode == 0
    assert "warning: cluster.fencing: without fencing" in done.stdout


def test_problems_as_json(tmp_path: Path) -> None:
    file = written(tmp_path, BAD)
    done = hactl("check", "--format", "json", file)
    assert done.returncode == 1
    assert json.loads(done.stdout)[:1] == [
        {
            "file": file,
            "line": 10,
            "path": "guests.web1.memroy",
            "severity": "error",
            "message": "unknown key",
            "hint": "did you mean 'memory'?",
        }
    ]


def test_no_problems_as_json(tmp_path: Path) -> None:
    done = hactl("check", "--format", "json", written(tmp_path, BASE))
    assert (done.returncode, json.loads(done.stdout)) == (0, [])


def test_a_file_that_is_not_there_is_a_problem_like_any_other(tmp_path: Path) -> None:
    file = str(tmp_path / "none.yaml")
    done = hactl("check", "--format", "json", file)
    assert done.returncode == 1
    (problem,) = json.loads(done.stdout)
    assert (problem["line"], problem["message"]) == (
        0,
        "cannot be read: no such file or directory",
    )


def test_a_topology_may_come_from_standard_input() -> None:
    done = hactl("check", "-", stdin=BAD)
    assert done.stdout.startswith("<stdin>:10: guests.web1.memroy")


def test_the_schema_is_written_for_editors() -> None:
    done = hactl("check", "--schema")
    schema = json.loads(done.stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert set(schema["required"]) == {"cluster", "nodes"}


def test_a_check_of_nothing_is_a_wrong_call() -> None:
    done = hactl("check")
    assert done.returncode == 2
    assert done.stderr == "hactl: which file?; hactl check FILE, or hactl check --schema\n"


def test_render_prints_a_cib(tmp_path: Path) -> None:
    done = hactl("render", written(tmp_path, BASE))
    assert done.returncode == 0
    assert etree.fromstring(done.stdout.encode()).tag == "cib"


def test_render_prints_corosync_conf(tmp_path: Path) -> None:
    done = hactl("render", "--corosync", written(tmp_path, BASE))
    assert done.returncode == 0
    assert done.stdout.startswith("totem {\n")


def test_render_writes_a_file_whole(tmp_path: Path) -> None:
    out = tmp_path / "cib.xml"
    out.write_text("old")
    out.chmod(0o640)
    assert hactl("render", written(tmp_path, BASE), "-o", str(out)).returncode == 0
    assert etree.parse(str(out)).getroot().tag == "cib"
    assert out.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cib.xml", "t.yaml"]


def test_render_of_a_bad_file_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "cib.xml"
    out.write_text("old")
    done = hactl("render", written(tmp_path, BAD), "-o", str(out))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "t.yaml:10: guests.web1.memroy" in done.stderr
    assert out.read_text() == "old"


def test_render_to_a_place_that_is_not_there(tmp_path: Path) -> None:
    done = hactl("render", written(tmp_path, BASE), "-o", str(tmp_path / "no" / "cib.xml"))
    assert done.returncode == 1
    assert done.stderr.endswith("cannot be written: no such file or directory\n")
    assert "Traceback" not in done.stderr


def test_render_follows_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.xml").write_text("old")
    (tmp_path / "link.xml").symlink_to("real.xml")
    hactl("render", written(tmp_path, BASE), "-o", str(tmp_path / "link.xml"))
    assert (tmp_path / "link.xml").is_symlink()
    assert (tmp_path / "real.xml").read_text().startswith("<?xml")


def test_warnings_go_to_standard_error(tmp_path: Path) -> None:
    done = hactl("render", written(tmp_path, ODD))
    assert "warning: cluster.fencing" in done.stderr
    assert done.stdout.startswith("<?xml")


@pytest.mark.parametrize("command", ["check", "render"])
def test_help_has_an_example(command: str) -> None:
    done = hactl(command, "--help")
    assert done.returncode == 0
    assert f"hactl {command} cluster.yaml" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["check", "render"])
def test_a_full_disk_behind_standard_output_is_told(command: str, tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = hactl(command, written(tmp_path, BASE), stdout=full)
    assert done.returncode == 1
    assert done.stderr == "hactl: standard output cannot be written: no space left on device\n"


def test_an_empty_name_of_a_file_is_no_file(tmp_path: Path) -> None:
    assert hactl("check", "").stdout.startswith("'': cannot be read")
    done = hactl("render", written(tmp_path, BASE), "-o", "")
    assert (done.returncode, done.stdout) == (1, "")


def test_a_name_that_would_write_over_the_message_is_quoted() -> None:
    done = hactl("check", "a\nb\x1b[2J")
    assert done.stdout.startswith("'a\\nb\\x1b[2J': cannot be read")
