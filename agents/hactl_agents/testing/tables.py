"""Its packet filter."""

from collections.abc import Iterable, Mapping
from copy import deepcopy

from hactl_agents.host.host import Failed
from hactl_agents.netlink.nftables import Table, Tables


class FakeTables(Tables):
    """Tables of the packet filter; ``changes`` lists what was done, ``refusal`` is the kernel's."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, Table] = {}
        self.changes: list[tuple[str, str]] = []
        self.refusal = ""
        self.unchangeable = False  # the kernel takes other rules and ignores them

    def get(self, name: str, chains: Iterable[str]) -> Table | None:
        found = deepcopy(self.tables.get(name))
        if found is not None:
            found.chains = {chain: found.chains[chain] for chain in chains if chain in found.chains}
        return found

    def make(self, name: str, table: Table) -> None:
        self.changed("make", name)
        assert name not in self.tables
        self.tables[name] = deepcopy(table)

    def replace(self, name: str, table: Table) -> None:
        self.changed("replace", name)
        assert name not in self.tables or self.tables[name].comment == table.comment
        self.tables[name] = deepcopy(table)

    def put_rules(self, name: str, rules: Mapping[str, Iterable[bytes]]) -> None:
        self.changed("put_rules", name)
        for chain, all_of_it in () if self.unchangeable else rules.items():
            self.tables[name].chains[chain].rules = list(all_of_it)

    def delete(self, name: str, comment: str) -> None:
        self.changed("delete", name)
        assert name not in self.tables or self.tables.pop(name).comment == comment

    def changed(self, *what: str) -> None:
        if self.refusal:
            raise Failed(self.refusal)
        self.changes.append((what[0], what[1]))
