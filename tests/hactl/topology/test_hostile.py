"""Files that were written badly, or with bad intent: one clear message each, and quickly."""

import time

import pytest

from tests.hactl.topologies import BASE, guests, said

NAME_HINT = "begin with a letter or _ and go on with letters, digits, _ - and . (63 at most)"

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + below] * 10)}]\n"
    for below, name in zip("abcdefg", "bcdefgh", strict=True)
)

CASES = {
    "alias bomb": (
        BOMB,
        "t.yaml:6: has more than 400000 values, aliases counted in full; "
        "split the cluster, or write fewer aliases of aliases",
    ),
    "alias of itself": (
        BASE + "guests: &g {web1: *g}\n",
        "t.yaml:9: the alias *g contains itself; write it out",
    ),
    "alias of nothing": (
        BASE + "guests: *nothing\n",
        "t.yaml:9: there is no anchor &nothing before the alias *nothing; write it out",
    ),
    "5000 lists deep": (
        BASE + "raw: " + "[" * 5000,
        "t.yaml:9: is nested more than 32 deep; a topology needs less than 10",
    ),
    "5000 mappings deep": (
        BASE + "raw: " + "{a: " * 5000,
        "t.yaml:9: is nested more than 32 deep; a topology needs less than 10",
    ),
    "deep by aliases": (
        "a: &a [[[[[[[[[[]]]]]]]]]]\nb: &b [[[[[[[[[*a]]]]]]]]]\nc: &c [[[[[[[[[[*b]]]]]]]]]]\n"
        "d: [[[[[[*c]]]]]]\n",
        "t.yaml:4: is nested more than 32 deep; a topology needs less than 10",
    ),
    "the same key twice": (
        BASE + "guests:\n  web1: {memory: 1GiB}\n  web1: {memory: 2GiB}\n",
        "t.yaml:11: guests.web1: is written twice, first on line 10; keep one of the two",
    ),
    "the same section twice": (
        BASE + "networks: {}\n",
        "t.yaml:9: networks: is written twice, first on line 7; keep one of the two",
    ),
    "a MAC address that is short": (
        guests("web1: nics: [{network: lan, mac: 52:54:00:12:34}]"),
        "t.yaml:10: guests.web1.nics[0].mac: '52:54:00:12:34' is not a MAC address; "
        "write it like '52:54:00:12:34:56', its first byte even",
    ),
    "3.10 stays what it was": (
        guests("web1: cpus: 3.10").replace("cpus: 1, ", ""),
        "t.yaml:10: guests.web1.cpus: '3.10' is not a whole number; write a whole number",
    ),
    "a number for text": (
        guests("web1: machine: {cpu: 3.5}"),
        "t.yaml:10: guests.web1.machine.cpu: 3.5 is not text; "
        "quote it if it is meant as text: '3.5'",
    ),
    "no octal numbers": (
        guests("web1: priority: 010"),
        "t.yaml:10: guests.web1.priority: '010' is not a whole number; write a whole number",
    ),
    "no sexagesimal times": (
        guests("web1: timeouts: {stop: 1:30}"),
        "t.yaml:10: guests.web1.timeouts.stop: '1:30' is not a time; "
        "write a whole number and its unit, like 30s",
    ),
    "yes is not true": (
        guests("web1: live_migration: yes"),
        "t.yaml:10: guests.web1.live_migration: 'yes' is not true or false; "
        "write true or false, without quotes",
    ),
    "a key called on": (
        BASE + "on: 1\n",
        "t.yaml:9: on: unknown key; known keys: cluster, nodes, fencing, networks, storage, "
        "guests, containers, gateways, raw",
    ),
    "a Python object": (
        BASE + "guests: !!python/object/apply:os.system ['touch /tmp/x']\n",
        "t.yaml:9: guests: the tag !!python/object/apply:os.system is not allowed; remove it",
    ),
    "a lone surrogate": (
        BASE + 'guests: {"\\uD800": {}}\n',
        "t.yaml:9: is not YAML: found invalid Unicode character escape code while parsing a "
        "quoted scalar; write the character itself, not a surrogate",
    ),
    "a newline in a name": (
        BASE + 'guests: {"web\\n1": {}}\n',
        "t.yaml:9: guests.web?1: contains the character U+000A; remove it",
    ),
    "NUL in a value": (
        guests('web1: cmdline: "a\\0b"'),
        "t.yaml:10: guests.web1.cmdline: contains the character U+0000; remove it",
    ),
    "a tab in a value": (
        guests('web1: cmdline: "a\\tb"'),
        "t.yaml:10: guests.web1.cmdline: contains the character U+0009; remove it",
    ),
    "a raw control character": (
        BASE + "guests: {\x01: 1}\n",
        "t.yaml:9: contains the character U+0001; remove it",
    ),
    "infinite time": (
        guests("web1: timeouts: {stop: .inf}"),
        "t.yaml:10: guests.web1.timeouts.stop: '.inf' is not a time; "
        "write a whole number and its unit, like 30s",
    ),
    "not a number": (
        guests("web1: priority: .nan"),
        "t.yaml:10: guests.web1.priority: '.nan' is not a whole number; write a whole number",
    ),
    "negative time": (
        guests("web1: timeouts: {stop: -5s}"),
        "t.yaml:10: guests.web1.timeouts.stop: '-5s' is not a time; "
        "write a whole number and its unit, like 30s",
    ),
    "a very large number": (
        guests("web1: priority: 1" + "0" * 30),
        f"t.yaml:10: guests.web1.priority: 1{'0' * 30} is more than 999999; "
        "write a number within the range",
    ),
    "a number of a million digits": (
        guests("web1: priority: " + "9" * 1_000_000),
        f"t.yaml:10: guests.web1.priority: '{'9' * 57}...' is not a whole number; "
        "write a whole number",
    ),
    "two documents": (
        BASE + "---\ncluster: {name: other}\n",
        "t.yaml:9: a second document begins here; keep one document in a file",
    ),
    "an empty file": ("", "t.yaml: is empty; begin with cluster: and nodes:"),
    "a file of comments": ("# nothing\n", "t.yaml: is empty; begin with cluster: and nodes:"),
    "a list at the top": (
        "- cluster\n",
        "t.yaml:1: is a list, not a mapping; begin with cluster: and nodes:",
    ),
    "a word at the top": (
        "hello\n",
        "t.yaml:1: is a single value, not a mapping; begin with cluster: and nodes:",
    ),
    "a name in two sections": (
        guests("vms"),
        "t.yaml:10: guests.vms: the name 'vms' is taken by storage.vms; rename one of them",
    ),
    "names that differ in case": (
        guests("VMS"),
        "t.yaml:10: guests.VMS: 'VMS' differs only in case from 'vms' of storage.vms; rename one",
    ),
    "a name that hactl would make": (
        guests("lan-bridge"),
        "t.yaml:7: networks.lan: the name 'lan-bridge', the id hactl makes for "
        "ocf:hactl:LinuxBridge, is taken by guests.lan-bridge; rename one of them",
    ),
    "a name that is part of another": (
        guests("web1", "web1-meta_attributes"),
        "t.yaml:11: guests.web1-meta_attributes: 'web1-meta_attributes' is an id that hactl "
        "makes for a part of 'web1'; choose another name",
    ),
    "a name of hactl's own": (
        guests("hactl-web"),
        "t.yaml:10: guests.hactl-web: names that begin with hactl- are hactl's own; "
        "choose another name",
    ),
    "a name that begins with a digit": (
        guests("1web"),
        "t.yaml:10: guests.1web: '1web' is not a name that can be an id in the CIB; " + NAME_HINT,
    ),
    "a name with a colon": (
        guests("'a:b'"),
        "t.yaml:10: guests.a:b: 'a:b' is not a name that can be an id in the CIB; " + NAME_HINT,
    ),
    "a name with a space": (
        guests("a b"),
        "t.yaml:10: guests.a b: 'a b' is not a name that can be an id in the CIB; " + NAME_HINT,
    ),
    "XML in a name": (
        guests("'\"><primitive'"),
        "t.yaml:10: guests.\"><primitive: '\"><primitive' is not a name that can be an id in "
        "the CIB; " + NAME_HINT,
    ),
    "a parameter that is not a name": (
        BASE.replace("{agent: fence_lab}", "{agent: fence_lab, 'a b': 1}"),
        "t.yaml:6: fencing.devices.bmc: 'a b' is not the name of a parameter; "
        "write it as the agent does, like ip",
    ),
    "a property that is not a name": (
        BASE.replace("{name: demo}", "{name: demo, properties: {'\"><x': 1}}"),
        "t.yaml:1: cluster.properties.\"><x: '\"><x' is not a name that can be an id in the CIB; "
        + NAME_HINT,
    ),
    "a Cyrillic e": (
        guests("wеb1"),
        "t.yaml:10: guests.wеb1: 'wеb1' is not a name that can be an id in the CIB; " + NAME_HINT,
    ),
    "text that runs backwards": (
        guests("web\u202e1"),
        "t.yaml:10: guests.web?1: contains the character U+202E; remove it",
    ),
    "a relative path": (
        guests("web1: kernel: ../../etc/passwd"),
        "t.yaml:10: guests.web1.kernel: '../../etc/passwd' is not an absolute path; "
        "write it from / on, like /srv/vms",
    ),
    "a path that goes upwards": (
        guests("web1: kernel: /srv/../etc/passwd"),
        "t.yaml:10: guests.web1.kernel: '/srv/../etc/passwd' goes upwards with '..'; "
        "write the path it leads to",
    ),
    "a URL for a path": (
        guests("web1: kernel: file:/etc/passwd"),
        "t.yaml:10: guests.web1.kernel: 'file:/etc/passwd' is not an absolute path; "
        "write it from / on, like /srv/vms",
    ),
    "a key that is misspelled": (
        guests("web1: memroy: 2GiB"),
        "t.yaml:10: guests.web1.memroy: unknown key; did you mean 'memory'?",
    ),
    "text for a list": (
        guests("web1: nics: lan"),
        "t.yaml:10: guests.web1.nics: 'lan' is not a list; write it like [a, b]",
    ),
    "a network that is not there": (
        guests("web1: nics: [{network: lam}]"),
        "t.yaml:10: guests.web1.nics[0].network: there is no network 'lam'; did you mean 'lan'?",
    ),
    "a node that is not there": (
        guests("web1: prefer: {node9: 5}"),
        "t.yaml:10: guests.web1.prefer.node9: there is no node 'node9'; did you mean 'node3'?",
    ),
    "an order in a circle": (
        guests("a: after: [b]", "b: after: [c]", "c: after: [a]"),
        "t.yaml:10: guests.a.after[0]: starts in a circle: b → a → c → b; "
        "leave one of these orders out",
    ),
    "together and apart at once": (
        guests("a: together: [b]", "b: apart: [a]"),
        "t.yaml:11: guests.b.apart: b is to be both together with and apart from a; "
        "leave one of the two out",
    ),
    "a merge key": (
        BASE + "guests:\n  web1: {<<: {cpus: 1}, memory: 1GiB, disks: [vms]}\n",
        "t.yaml:10: guests.web1.<<: merge keys (<<) are not YAML 1.2; write the keys out",
    ),
    "a key that is a list": (
        BASE + "? [a, b]\n: 1\n",
        "t.yaml:9: a mapping or list cannot be a key; write the key as text",
    ),
    "a tab for indentation": (
        BASE + "guests:\n\tweb1: 1\n",
        "t.yaml:10: is not YAML: found character that cannot start any token while scanning for "
        "the next token; indent with spaces, and quote a value that begins with a special "
        "character",
    ),
    "a colon in a value": (
        BASE + "guests: a: b\n",
        "t.yaml:9: is not YAML: mapping values are not allowed in this context; "
        "quote a value that contains ': '",
    ),
    "an open bracket": (
        BASE + "guests: {web1: {\n",
        "t.yaml:10: is not YAML: did not find expected node content while parsing a flow node; "
        "check indentation, brackets and quotes here and on the line above",
    ),
    "no fencing, by another name": (
        BASE.replace("{name: demo}", "{name: demo, properties: {stonith-enabled: false}}"),
        "t.yaml:1: cluster.properties.stonith-enabled: has a key of its own: cluster.fencing; "
        "write fencing:",
    ),
    "a node that nothing can fence": (
        BASE.replace(", fencing: {bmc: {plug: node3}}", ""),
        "t.yaml:5: nodes.node3: no device fences it; "
        "add fencing: {DEVICE: {plug: ...}}, or set cluster.fencing: false",
    ),
    "a password": (
        BASE.replace("{agent: fence_lab}", "{agent: fence_ipmilan, password: hunter2}"),
        "t.yaml:6: fencing.devices.bmc.password: a secret does not belong in this file, nor in "
        "the CIB that it becomes; keep it on the nodes: `cibsecret set` and here lrm://, or "
        "password_script: FILE or password_file: FILE if the agent takes one",
    ),
}


@pytest.mark.parametrize(("text", "message"), CASES.values(), ids=CASES.keys())
def test_a_bad_file_gets_one_clear_message(text: str, message: str) -> None:
    assert said(text) == [message]


@pytest.mark.parametrize("text", [text for text, _ in CASES.values()], ids=CASES.keys())
def test_a_bad_file_is_refused_quickly(text: str) -> None:
    began = time.process_time()
    said(text)
    assert time.process_time() - began < 1


def test_a_secret_is_not_repeated_in_the_message() -> None:
    text = BASE.replace("{plug: node1}", "{plug: node1, passwd: hunter2}")
    assert "hunter2" not in "".join(said(text))


def test_a_mac_address_needs_no_quotes() -> None:
    assert said(guests("web1: nics: [{network: lan, mac: 52:54:00:12:34:56}]")) == []


def test_words_that_yaml_1_1_takes_for_booleans_are_names() -> None:
    text = BASE.replace("node1", "no").replace("node2", "on").replace("node3", "off")
    assert said(text) == []


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = guests("web1: memroy: 1, nics: [lam]", "web2: cpus2: 1, priority: high")
    assert [(p.split(": ")[0]) for p in said(text)] == ["t.yaml:10", "t.yaml:11", "t.yaml:11"]


def test_windows_line_ends_are_fine() -> None:
    assert said(BASE.replace("\n", "\r\n")) == []


def test_a_section_whose_entries_are_commented_out_is_empty() -> None:
    assert said(BASE + "guests:\n  # web1: {cpus: 1}\ncontainers:\nraw:\n") == []


def test_markup_in_a_value_is_nothing_but_text() -> None:
    assert said(guests("""web1: kernel: /srv/vms/k, cmdline: '"><primitive/> ]]> &x;'""")) == []


def test_an_alias_may_be_used_as_often_as_needed() -> None:
    text = BASE + (
        "guests:\n  web1: &web {cpus: 1, memory: 1GiB, disks: [vms]}\n  web2: *web\n  web3: *web\n"
    )
    assert said(text) == []


def test_many_guests_cost_time_in_proportion() -> None:
    def cost(count: int) -> float:
        text = guests(*(f"web{number}" for number in range(count)))
        began = time.process_time()
        said(text)
        return time.process_time() - began

    cost(50)
    assert cost(4000) < 30 * cost(400) + 0.5
