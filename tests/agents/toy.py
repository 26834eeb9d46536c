"""A resource agent for tests of the runtime: a file that is there or not."""

from hactl_agents.ocf import (
    Agent,
    Degraded,
    Failed,
    NotInstalled,
    Status,
    action,
    integer,
    seconds,
    string,
)


class Toy(Agent):
    """Keep a file in place.

    The file is made by start & removed by stop; "quotes" and <brackets> must survive.
    """

    path: str = string("Path of the file", required=True, unique="path")
    size: int = integer("Size of the file in bytes", 1, minimum=1, maximum=100, reloadable=True)
    patience: int = seconds("How long to wait", 5)
    secret: str = string("A word nobody may see", private=True)

    def probe(self) -> int:
        content = self.host.paths.read(self.path)
        if content is None:
            return Status.STOPPED
        if content == "tired":
            raise Degraded("the file is tired")
        if content == "no tool":
            raise NotInstalled("looker: command not found")
        return Status.RUNNING

    @action(timeout=30)
    def start(self) -> None:
        self.host.run("touch", self.path)

    @action(timeout=30)
    def stop(self) -> None:
        self.host.run("rm", self.path)

    @action(timeout=5)
    def reload_agent(self) -> None:
        self.host.run("truncate", self.path)

    def examine(self) -> None:
        raise Failed("looked deeper and did not like it")

    def undo_start(self) -> None:
        self.host.log("given up")
