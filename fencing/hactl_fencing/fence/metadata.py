"""A fence agent's metadata, manual page and usage, made from its declarations."""

from hactl_agents.declare import parse_seconds
from hactl_fencing.fence.options import letter, long_form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hactl_agents.declare import Param
    from hactl_fencing.fence.device import FenceDevice


def text(device: "type[FenceDevice]", wanted: str) -> str:
    """The document an action asks for."""
    if wanted == "version":
        return f"{device.program()} (hactl)\n"
    if wanted == "manpage":
        return manpage(device)
    return usage(device) if wanted == "help" else document(device)


def document(device: "type[FenceDevice]") -> str:
    """The metadata, valid by fence-agents' lib/metadata.rng."""
    short, long = described(device)
    lines = [
        '<?xml version="1.0" ?>',
        f'<resource-agent name="{device.program()}" shortdesc="{escape(short)}">',
        f"<longdesc>{escape(long)}</longdesc>",
        "<vendor-url></vendor-url>",
        "<parameters>",
        *(line for param in device.options().values() for line in parameter(device, param)),
        "</parameters>",
        "<actions>",
        *actions(device),
        "</actions>",
        "</resource-agent>",
    ]
    return "\n".join(lines) + "\n"


def parameter(device: "type[FenceDevice]", param: "Param") -> "Iterable[str]":
    # Pacemaker takes `plug` for the node to act on only if the metadata has it
    required = param.required or param.name == "action"
    yield f'<parameter name="{param.name}" unique="0" required="{int(required)}">'
    yield f'<getopt mixed="{escape(mixed(device, param))}"/>'
    yield from content(param)
    yield f'<shortdesc lang="en">{escape(param.longdesc)}</shortdesc>'
    yield "</parameter>"


def mixed(device: "type[FenceDevice]", param: "Param") -> str:
    short = letter(device, param.name)
    return (f"-{short}, " if short else "") + f"{long_form(param.name)}=[{param.name}]"


def content(param: "Param") -> "Iterable[str]":
    default = param.default_text()
    given = f' default="{escape(default)}"' if default is not None else ""
    if param.choices and param.name != "action":
        yield f'<content type="select"{given}>'
        yield from (f'<option value="{escape(choice)}"/>' for choice in param.choices)
        yield "</content>"
    else:
        kind = "second" if param.parse is parse_seconds else param.kind
        yield f'<content type="{kind}"{given}/>'


def actions(device: "type[FenceDevice]") -> "Iterable[str]":
    for name in device.actions():
        extra = f' automatic="{int(device.unfences)}"' if name == "on" else ""
        extra += ' on_target="1"' if name == "on" and device.on_target else ""
        yield f'<action name="{name}"{extra}/>'


def described(device: "type[FenceDevice]") -> "tuple[str, str]":
    """(short, long) description from the class docstring."""
    short, _, rest = (device.__doc__ or "").strip().partition("\n\n")
    short = " ".join(short.split()).rstrip(".")
    paragraphs = [" ".join(part.split()) for part in rest.split("\n\n")]
    return short, "\n\n".join(paragraphs) if rest else f"{short}."


def usage(device: "type[FenceDevice]") -> str:
    short, long = described(device)
    lines = [f"usage: {device.program()} [options]", "", f"{short}.", "", long, "", "Options:"]
    for param in device.options().values():
        lines += [f"  {mixed(device, param)}", f"      {param.longdesc}{note(param)}"]
    lines += ["", f"Actions: {', '.join(device.actions())}"]
    lines += ["Without options, key=value lines are read from standard input."]
    return "\n".join(lines) + "\n"


def manpage(device: "type[FenceDevice]") -> str:
    """A man(7) page."""
    short, long = described(device)
    program = device.program()
    lines = [f'.TH {program} 8 "" hactl', ".SH NAME", f"{program} \\- {troff(short)}"]
    lines += [".SH SYNOPSIS", f".B {program}", "[options]", ".SH DESCRIPTION", troff(long)]
    lines += [".SH OPTIONS"]
    for param in device.options().values():
        lines += [".TP", f".B {troff(mixed(device, param))}", troff(param.longdesc + note(param))]
    lines += [".SH ACTIONS", ", ".join(device.actions())]
    return "\n".join(lines) + "\n"


def note(param: "Param") -> str:
    if param.required:
        return " Required."
    default = param.default_text()
    return f" Default: {default}." if default else ""


def troff(words: str) -> str:
    """Text that troff takes for text."""
    clean = words.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in clean.split("\n"))


def escape(words: str) -> str:
    return (
        words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    )
