"""Whether an image may be taken over, and taking it from owners that are proven dead.

An owner is dead to an image when Ceph has cut it off: only then can nothing it still holds be
written. Being silent is not proof, it may only be frozen; a silent owner is cut off first.
"""

import time

from hactl_agents.ceph.blocklist import address_of
from hactl_agents.host.host import Failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hactl_agents.ceph.cluster import Cluster, Use
    from hactl_agents.ceph.image import Spec
    from hactl_agents.host.host import Host

YEARS = 5 * 365 * 86400  # seconds a silent owner stays cut off
DAY = 86400
RESERVE = 10.0  # seconds of start's time kept for the mapping itself
TRIES = 3


class Takeover:
    """The way to one image. Raises Failed wherever there is doubt about another owner."""

    def __init__(self, host: "Host", cluster: "Cluster", spec: "Spec", *, may_block: bool) -> None:
        self.host = host
        self.cluster = cluster
        self.spec = spec
        self.may_block = may_block
        self.epoch = 0  # of the OSD map in which every former owner is cut off

    def refuse_if_cut_off(self) -> None:
        """We ourselves may be the one that was fenced."""
        _, blocklist = self.cluster.blocklist()
        for address in self.cluster.addresses():
            until = blocklist.until(address)
            if until:
                raise Failed(
                    f"this node ({address_of(address)}) is on Ceph's blocklist until {until}: it "
                    "was fenced, and has to be let in again before it may use storage"
                )

    def secure(self) -> None:
        """Come back only when nobody else can write to the image any more."""
        for _ in range(TRIES):
            use = self.wait_for_watchers()
            if not use.locks:
                self.settle()
                return
            for client, cookie, address in use.locks:
                self.cut_off(address)
                self.settle()
                self.break_lock(client, cookie)
        raise Failed(f"{self.spec}: as soon as a lock on it is broken there is another one")

    def wait_for_watchers(self) -> "Use":
        """Watches of a dead client end by themselves after some seconds."""
        seen: list[Use] = []
        alive: list[str] = []

        def silent() -> bool:
            seen[:] = [self.cluster.use(self.spec)]
            _, blocklist = self.cluster.blocklist()
            alive[:] = [one for one in seen[0].watchers if not blocklist.until(one)]
            return not alive

        patience = self.host.left_but(RESERVE, 300.0)
        step = f"waiting for other users of {self.spec} to go"
        if not self.host.wait_for(step, silent, within=patience, interval=1.0):
            raise Failed(
                f"{self.spec} is in use by {' and '.join(sorted(set(alive)))}: stop it there, or "
                "fence that node"
            )
        return seen[0]

    def cut_off(self, address: str) -> None:
        """Make sure that an owner is on the blocklist, and stays there."""
        tomorrow = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.time() + DAY))
        until = self.until(address)
        if until >= tomorrow:
            return
        if until:  # Ceph takes a second entry without a word, and keeps the time of the first
            raise Failed(
                f"{self.spec} is locked by {address}, which is cut off only until {until}, and "
                "Ceph does not prolong that: take it off the blocklist and put it on for years, "
                "or fence its node"
            )
        if not self.may_block:
            raise Failed(
                f"{self.spec} is locked by {address}, which is silent, but nothing proves that it "
                "is dead: fence it, or set fence_silent_owner=true"
            )
        self.host.log(f"cutting off {address}, the silent owner of {self.spec}")
        self.cluster.block(address, YEARS)
        if self.until(address) < tomorrow:
            raise Failed(f"{address} is not on Ceph's blocklist, although it was put there")

    def until(self, address: str) -> str:
        _, blocklist = self.cluster.blocklist()
        return blocklist.until(address)

    def settle(self) -> None:
        """Writes that the dead owner sent off may still be under way to an OSD that has not heard
        of the blocklist: whoever speaks to it with the newest map makes it hear first.
        """
        self.epoch, _ = self.cluster.blocklist()
        self.cluster.catch_up()

    def break_lock(self, client: str, cookie: str) -> None:
        try:
            self.cluster.break_lock(self.spec, client, cookie)
        except Failed as exc:
            # it may have gone by itself; secure() looks again
            self.host.log(f"the lock of {client} on {self.spec} was not broken: {exc}")

    def time(self) -> float:
        """Seconds since 1970: Ceph's lists end at a time of day, not after a while."""
        return time.time()
