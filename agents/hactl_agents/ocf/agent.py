"""The base class of all resource agents, and what an action is."""

from hactl_agents.declare import BadValue, Param, declared, parse_all
from hactl_agents.ocf.errors import Failed, NotConfigured
from hactl_agents.ocf.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from hactl_agents.declare import Values
    from hactl_agents.host.host import Host

PREFIX = "OCF_RESKEY_"


class Status:
    """What a look at the resource found; the values are the OCF exit codes."""

    RUNNING = 0
    STOPPED = 7
    PROMOTED = 8
    DEGRADED = 190
    DEGRADED_PROMOTED = 191


RUNS = frozenset({Status.RUNNING, Status.PROMOTED, Status.DEGRADED, Status.DEGRADED_PROMOTED})


def action(
    timeout: int, interval: int = 0, depth: int = 0, role: str = ""
) -> "Callable[[Callable[..., Any]], Callable[..., Any]]":
    """Mark a method as an OCF action; timeout and interval are advice, in seconds.

    A method's ``_`` is spelled ``-`` in the action's name where OCF does (reload-agent).
    """
    advice = {"timeout": timeout, "interval": interval, "depth": depth, "role": role}

    def mark(method: "Callable[..., Any]") -> "Callable[..., Any]":
        method.advice = [*getattr(method, "advice", ()), advice]  # type: ignore[attr-defined]
        return method

    return mark


class Agent:
    """Subclass me: declare parameters, then write ``probe``, ``start`` and ``stop``.

    ``probe`` looks at the evidence and nothing else: it returns a Status, or raises Failed where
    the truth cannot be told. ``start`` is called only when probe says STOPPED, ``stop`` unless it
    does, and both are followed by another look; so they need not be idempotent themselves.

    The class name is the OCF type and the name of the launcher.
    """

    version = "1.0"
    found_params: "dict[str, Param]"
    converges = False  # start may be called on something half started, and completes it

    def __init__(self, host: "Host", environ: "Mapping[str, str]") -> None:
        self.host = host
        self.environ = environ
        self.instance = instance_name(environ)
        self.texts = given(environ, self.params())
        self.record = Record(host, self.instance)
        self.values: Values
        self.complaints: list[str]
        self.values, self.complaints = parse_all(self.params(), self.texts)

    @classmethod
    def params(cls) -> "dict[str, Param]":
        if "found_params" not in vars(cls):
            cls.found_params = declared(cls)
        return cls.found_params

    @classmethod
    def actions(cls) -> "dict[str, list[dict[str, Any]]]":
        """Action name -> its advice, one entry for each interval and depth."""
        found: dict[str, list[dict[str, Any]]] = {}
        for base in reversed(cls.__mro__):
            for name, value in vars(base).items():
                if hasattr(value, "advice"):
                    found[ACTION_NAMES.get(name, name)] = value.advice
        return found

    def probe(self) -> int:
        """Look for the resource on this node. Never depends on a tool, daemon or file of ours."""
        raise NotImplementedError

    @action(timeout=20, interval=10)
    def monitor(self) -> int:
        """Look, and look deeper where OCF_CHECK_LEVEL asks for it."""
        status = self.look()
        if status in RUNS and self.level >= 10:
            self.examine()
        return status

    def look(self) -> int:
        """What the evidence says. A resource that cannot even be named was never started here."""
        try:
            return self.probe()
        except BadValue as exc:
            if self.record.notes:
                raise Failed(str(exc)) from None
            self.host.log(f"nothing was started here, and its name is not known: {exc}")
            return Status.STOPPED

    @property
    def lock(self) -> str:
        """The name of the lock that is held by whoever changes something about this resource."""
        return f"{self.record.name}.lock"

    def refuse_left_behind(self) -> None:
        """Nothing is here. Raises Failed where something that was begun may still come."""
        waits = self.host.left_behind(self.lock)
        if waits:
            raise Failed(f"nothing is here yet, but {waits}")

    def check(self) -> None:
        """Raise NotConfigured where the parameters contradict each other. Touches nothing."""

    def preflight(self) -> None:
        """Raise WrongHere or NotInstalled where this node cannot run the resource."""

    def examine(self) -> None:
        """A deeper look at a running resource, for a monitor with OCF_CHECK_LEVEL 10 or more.

        Raises Failed or Degraded.
        """

    def is_as_given(self) -> bool:
        """Called when start finds it running: False where it has to be started anew.

        Raises Failed where the truth cannot be told.
        """
        return True

    def already_running(self) -> None:
        """Called when start finds it running: note what is needed to find it again."""

    def undo_start(self) -> None:
        """Called when start failed: undo what start made, as far as that is safe."""

    def after_stop(self) -> None:
        """Called when stop has seen that nothing is left here, before the record is dropped."""

    def meta(self, name: str) -> str:
        """A meta attribute Pacemaker passed along, such as ``migrate_target``; '' if unset."""
        return self.environ.get(f"{PREFIX}CRM_meta_{name}", "")

    @property
    def level(self) -> int:
        """OCF_CHECK_LEVEL."""
        text = self.environ.get("OCF_CHECK_LEVEL", "")
        return int(text) if text.isdigit() else 0

    def refuse_bad_parameters(self) -> None:
        """Raise NotConfigured with every complaint about the parameters at once."""
        if self.complaints:
            raise NotConfigured("; ".join(self.complaints))
        try:
            self.check()
        except BadValue as exc:
            raise NotConfigured(str(exc)) from None

    def fall_back_on_record(self) -> None:
        """Use the values the resource was started with where today's cannot be read.

        What does not say which resource it is falls back on its default: no reason to fail a stop.
        """
        recorded = self.record.parameters()
        params = self.params()
        lost = list(self.values.complaints)
        if lost:  # a name must not be read from here and the folder it is in from there
            lost += [name for name, param in params.items() if param.unique]
        for name in lost:
            if name in recorded:
                self.values[name] = params[name].read(recorded[name])
            elif name in self.values:
                continue
            elif not params[name].required and not params[name].unique:
                self.values[name] = params[name].default

    def reread_record(self) -> None:
        """Take the record as it is now that nobody else is acting on this resource."""
        self.record = Record(self.host, self.instance)

    def note_parameters(self) -> None:
        """Write down what the resource is being started with, private values excepted."""
        params = self.params()
        kept = {name: text for name, text in self.texts.items() if not params[name].private}
        self.record.put_parameters(kept)
        self.record.save()


ACTION_NAMES = {"reload_agent": "reload-agent"}


def given(environ: "Mapping[str, str]", params: "Mapping[str, Param]") -> "dict[str, str]":
    """The text of each parameter that was set."""
    return {name: environ[PREFIX + name] for name in params if environ.get(PREFIX + name)}


def instance_name(environ: "Mapping[str, str]") -> str:
    """The resource's name; anonymous clones drop the ``:0``, a node never runs two of them."""
    name = environ.get("OCF_RESOURCE_INSTANCE") or "default"
    base, colon, number = name.rpartition(":")
    if colon and number.isdigit() and environ.get(f"{PREFIX}CRM_meta_globally_unique") != "true":
        return base
    return name
