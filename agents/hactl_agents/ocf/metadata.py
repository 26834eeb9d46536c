"""The agent's meta-data (OCF 1.1) and usage, made from its declarations.

Four validators judge this document and contradict each other; the internal DTD subset declares
what OCF 1.1 added, so that ocf-tester's DTD of 2006 accepts it as well.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from hactl_agents.declare import Param
    from hactl_agents.ocf.agent import Agent

HEAD = """<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd" [
<!ATTLIST parameter unique-group CDATA #IMPLIED reloadable CDATA #IMPLIED>
<!ATTLIST action name CDATA #REQUIRED>
]>
"""
STANDARD = {"meta-data": 5, "validate-all": 20}


def document(agent: "type[Agent]") -> str:
    short, long = described(agent)
    lines = [
        f'<resource-agent name="{agent.__name__}" version="{escape(agent.version)}">',
        "<version>1.1</version>",
        f'<longdesc lang="en">{escape(long)}</longdesc>',
        f'<shortdesc lang="en">{escape(short)}</shortdesc>',
        "<parameters>",
        *(line for param in agent.params().values() for line in parameter(param)),
        "</parameters>",
        "<actions>",
        *actions(agent),
        "</actions>",
        "</resource-agent>",
    ]
    return HEAD + "\n".join(lines) + "\n"


def parameter(param: "Param") -> "Iterable[str]":
    extra = f' unique-group="{param.unique}"' if param.unique else ""
    extra += ' reloadable="1"' if param.reloadable else ""
    default = param.default_text()
    content = f' default="{escape(default)}"' if default is not None else ""
    yield f'<parameter name="{param.name}" required="{int(param.required)}"{extra}>'
    yield f'<longdesc lang="en">{escape(param.longdesc)}</longdesc>'
    yield f'<shortdesc lang="en">{escape(param.shortdesc)}</shortdesc>'
    yield f'<content type="{param.kind}"{content}/>'
    yield "</parameter>"


def actions(agent: "type[Agent]") -> "Iterable[str]":
    for name, advices in agent.actions().items():
        for advice in advices:
            yield f'<action name="{name}"{attributes(advice)}/>'
    for name, timeout in STANDARD.items():
        yield f'<action name="{name}" timeout="{timeout}s"/>'


def attributes(advice: "dict[str, Any]") -> str:
    text = f' timeout="{advice["timeout"]}s"'
    if advice["interval"]:
        text += f' interval="{advice["interval"]}s"'
    if advice["depth"]:
        text += f' depth="{advice["depth"]}"'
    if advice["role"]:
        text += f' role="{advice["role"]}"'
    return text


def described(agent: "type[Agent]") -> "tuple[str, str]":
    """(short, long) description from the class docstring."""
    short, _, rest = (agent.__doc__ or "").strip().partition("\n\n")
    paragraphs = [" ".join(part.split()) for part in rest.split("\n\n")]
    return " ".join(short.split()).rstrip("."), "\n\n".join(paragraphs) if rest else short.strip()


def usage(agent: "type[Agent]") -> str:
    names = "|".join([*agent.actions(), *STANDARD])
    short, long = described(agent)
    lines = [f"usage: {agent.__name__} {names}", "", f"{short}.", "", long, "", "Parameters:"]
    for param in agent.params().values():
        lines.append(f"  OCF_RESKEY_{param.name}  ({param.kind}{state(param)})")
        lines.append(f"      {param.shortdesc}")
    return "\n".join(lines) + "\n"


def state(param: "Param") -> str:
    if param.required:
        return ", required"
    default = param.default_text()
    return f", default {default}" if default not in (None, "") else ""


def escape(text: str) -> str:
    return (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    )
