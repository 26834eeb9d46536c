"""Random CIBs with everything that a CIB can hold; the same seed gives the same CIB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from xml.sax.saxutils import quoteattr

from lxml import etree
from lxml.etree import _Element

from tests.hactl.cibs import PACEMAKERS_OWN

SEEDS = Path(__file__).parents[2] / "seeds/existing.txt"
TEXTS = ("plain", "two words", "q\"uo'te", "a<b>&c", "#not a comment", "ünïcode €", "yes", "0x10")
TEXTS += (": odd", "- dash", "tab\there", "line\nbreak", "{a: b}", "%s$(id)`id`", " padded ", "~")
CANARY = "canary-9f1c"
SECRETS = ("passwd", "password", "incoming_password", "secret_key", "community", "login_token")


def seeds() -> Iterator[int]:
    lines = SEEDS.read_text().splitlines()
    return (int(line) for line in lines if line and not line.startswith("#"))


def cib(seed: int) -> _Element:
    """Return a whole ``<cib>``, valid by pacemaker-3.7."""
    return Drawing(Random(seed)).cib()


class Drawing:
    """One CIB in the making: gives out ids, and knows what it has made."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.count = 0
        self.tops: list[str] = []
        self.parts: list[str] = []
        self.devices: list[str] = []
        self.templates: list[str] = []
        self.nodes = [f"node{n}" for n in range(1, chance.randint(2, 5))]

    def id(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.chance.choice(['-', '_', '.'])}{self.count}"

    def maybe(self, make: Callable[[], str], most: int = 2) -> str:
        return "".join(make() for _ in range(self.chance.randint(0, most)))

    def text(self) -> str:
        return quoteattr(self.chance.choice(TEXTS), {"\n": "&#10;", "\t": "&#9;", "\r": "&#13;"})

    def pair(self) -> str:
        if self.chance.random() < 0.2:
            name, value = self.chance.choice(SECRETS), quoteattr(f"{CANARY}-{self.count}")
        else:
            name, value = f"p{self.chance.randint(1, 9)}", self.text()
        return f'<nvpair id="{self.id("nv")}" name="{name}" value={value}/>'

    def rule(self, tag: str = "rule") -> str:
        score = 'score="INFINITY" ' if tag == "rule" else ""
        what = self.chance.choice(
            [
                f'<expression id="{self.id("e")}" attribute="#uname" operation="eq" '
                f'value="{self.chance.choice(self.nodes)}"/>',
                f'<date_expression id="{self.id("d")}" operation="gt" start="2020-01-01"/>',
            ]
        )
        return f'<{tag} id="{self.id("rule")}" {score}boolean-op="or">{what}</{tag}>'

    def set(self, tag: str, *, rules: bool = True) -> str:
        rule = self.rule() if rules and self.chance.random() < 0.3 else ""
        names = "".join(dict.fromkeys(self.pair() for _ in range(self.chance.randint(1, 3))))
        return f'<{tag} id="{self.id(tag)}">{rule}{names}</{tag}>'

    def switches(self, owner: str) -> str:
        if self.chance.random() < 0.7:
            return ""
        id_ = self.chance.choice([f"{owner}-meta_attributes", self.id("m")])
        value = self.chance.choice(["Stopped", "Started"])
        pair = f'<nvpair id="{self.id("nv")}" name="target-role" value="{value}"/>'
        return f'<meta_attributes id="{id_}">{pair}</meta_attributes>'

    def op(self, interval: int) -> str:
        inner = self.maybe(lambda: self.set("instance_attributes"), 1)
        name = "monitor" if interval else "start"
        return (
            f'<op id="{self.id("op")}" name="{name}" interval="{interval}s" timeout="20">'
            f"{inner}</op>"
        )

    def primitive(self, stem: str = "rsc") -> str:
        id_ = self.id(stem)
        self.parts.append(id_)
        agent = 'class="ocf" provider="pacemaker" type="Dummy"'
        if self.templates and self.chance.random() < 0.2:
            agent = f'template="{self.chance.choice(self.templates)}"'
        words = f" description={self.text()}" if self.chance.random() < 0.3 else ""
        return (
            f'<primitive id="{id_}" {agent}{words}>{self.switches(id_)}'
            f"{self.maybe(lambda: self.set('meta_attributes'), 1)}"
            f"{self.maybe(lambda: self.set('instance_attributes'))}"
            f"<operations>{self.op(0)}{self.op(10)}</operations></primitive>"
        )

    def device(self) -> str:
        id_ = self.id("fence")
        self.devices.append(id_)
        hosts = f'<nvpair id="{self.id("nv")}" name="pcmk_host_list" value="{self.nodes[0]}"/>'
        secret = f'<nvpair id="{self.id("nv")}" name="passwd" value="{CANARY}-{id_}"/>'
        return (
            f'<primitive id="{id_}" class="stonith" type="fence_x"><instance_attributes '
            f'id="{self.id("ia")}">{hosts}{secret}</instance_attributes></primitive>'
        )

    def template(self) -> str:
        id_ = self.id("tmpl")
        self.templates.append(id_)
        inner = self.maybe(lambda: self.set("meta_attributes"), 1)
        return (
            f'<template id="{id_}" class="ocf" provider="pacemaker" type="Dummy">{inner}</template>'
        )

    def group(self) -> str:
        id_ = self.id("group")
        members = "".join(self.primitive() for _ in range(self.chance.randint(1, 3)))
        return f'<group id="{id_}">{self.switches(id_)}{members}</group>'

    def clone(self) -> str:
        id_ = self.id("clone")
        inner = self.chance.choice([self.primitive, self.group])()
        return f'<clone id="{id_}">{self.switches(id_)}{inner}</clone>'

    def bundle(self) -> str:
        id_ = self.id("bundle")
        return (
            f'<bundle id="{id_}"><podman image="img:1" replicas="2" '
            f'options="-e DB_PASSWORD={CANARY}-{id_}"/><network ip-range-start="10.0.0.10">'
            f'<port-mapping id="{self.id("port")}" port="80"/></network><storage><storage-mapping '
            f'id="{self.id("st")}" source-dir="/srv" target-dir="/var"/></storage></bundle>'
        )

    def top(self) -> str:
        make = self.chance.choice([self.primitive, self.group, self.clone, self.bundle])
        found = make()
        self.tops.append(etree.fromstring(found).get("id", ""))
        return found

    def refs(self) -> str:
        some = self.chance.sample(self.tops, min(2, len(self.tops)))
        refs = "".join(f'<resource_ref id="{name}"/>' for name in some)
        return f'<resource_set id="{self.id("set")}" sequential="false">{refs}</resource_set>'

    def constraint(self) -> str:
        one, other = self.chance.choice(self.tops), self.chance.choice(self.tops)
        node = self.chance.choice(self.nodes)
        return self.chance.choice(
            [
                f'<rsc_order id="{self.id("o")}" first="{one}" then="{other}" kind="Optional"/>',
                f'<rsc_colocation id="{self.id("c")}" rsc="{one}" with-rsc="{other}" score="5"/>',
                f'<rsc_location id="{self.id("l")}" rsc="{one}" node="{node}" score="100"/>',
                f'<rsc_location id="cli-ban-{one}-on-{self.id(node)}" rsc="{one}" node="{node}" '
                'score="-INFINITY"/>',
                f'<rsc_location id="{self.id("l")}" rsc="{one}">{self.rule()}{self.rule()}'
                "</rsc_location>",
                f'<rsc_location id="{self.id("l")}" rsc-pattern="^x" node="{node}" score="3"/>',
                f'<rsc_order id="{self.id("o")}" kind="Optional">{self.refs()}</rsc_order>',
                f'<rsc_colocation id="{self.id("c")}" score="7">{self.refs()}</rsc_colocation>',
                f'<rsc_ticket id="{self.id("t")}" ticket="T" rsc="{one}" loss-policy="stop"/>',
            ]
        )

    def level(self) -> str:
        target = self.chance.choice(
            [f'target="{self.nodes[0]}"', 'target-pattern="node.*"', 'target-attribute="rack" '
             'target-value="a"']
        )  # fmt: skip
        index = self.chance.randint(1, 9)
        devices = ",".join(self.devices)
        return f'<fencing-level id="{self.id("fl")}" index="{index}" {target} devices="{devices}"/>'

    def tag(self) -> str:
        refs = f'<obj_ref id="{self.chance.choice(self.tops)}"/>'
        return f'<tag id="{self.id("tag")}">{refs}</tag>'

    def alert(self) -> str:
        return (
            f'<alert id="{self.id("alert")}" path="/srv/a.sh">{self.set("instance_attributes")}'
            f'<recipient id="{self.id("r")}" value="https://u:{CANARY}@x/h"/></alert>'
        )

    def acls(self) -> str:
        role = self.id("role")
        return (
            f'<acl_role id="{role}"><acl_permission id="{self.id("p")}" kind="read" xpath="/cib"/>'
            f'</acl_role><acl_target id="{self.id("user")}"><role id="{role}"/></acl_target>'
        )

    def node(self, number: int, name: str) -> str:
        switch = f'<nvpair id="{self.id("nv")}" name="standby" value="off"/>'
        own = f'<instance_attributes id="{self.id("na")}">{switch}</instance_attributes>'
        sets = self.maybe(lambda: self.set("instance_attributes", rules=False), 1)
        return f'<node id="{number}" uname="{name}">{self.chance.choice(["", own, sets])}</node>'

    def cib(self) -> _Element:
        nodes = "".join(self.node(number, name) for number, name in enumerate(self.nodes, 1))
        templates = self.maybe(self.template)
        devices = self.maybe(self.device)
        tops = "".join(self.top() for _ in range(self.chance.randint(1, 6)))
        constraints = self.maybe(self.constraint, 8)
        levels = self.maybe(self.level) if self.devices else ""
        sets = self.maybe(lambda: self.set("cluster_property_set"), 1)
        defaults = "".join(
            f"<{name}>{self.maybe(lambda: self.set('meta_attributes'))}</{name}>"
            for name in ("rsc_defaults", "op_defaults")
        )
        more = f"<tags>{self.maybe(self.tag)}</tags><alerts>{self.maybe(self.alert)}</alerts>"
        return etree.fromstring(f"""
<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.7" admin_epoch="0" epoch="10"
     num_updates="3" have-quorum="1"><configuration>
  <crm_config><cluster_property_set id="cib-bootstrap-options">{PACEMAKERS_OWN}
    <nvpair id="off" name="stonith-enabled" value="{self.chance.choice(["true", "false"])}"/>
  </cluster_property_set>{sets}</crm_config><nodes>{nodes}</nodes>
  <resources>{templates}{devices}{tops}</resources><constraints>{constraints}</constraints>
  <fencing-topology>{levels}</fencing-topology>{defaults}{more}
  <acls>{self.maybe(self.acls, 1)}</acls></configuration><status/></cib>""")
