"""Which image is meant, how it is to be mapped, and what its mapping looks like; pure values."""

SEPARATORS = "/@"


class Spec:
    """An image, or a snapshot of one, in a pool and perhaps a namespace of it."""

    def __init__(self, pool: str, namespace: str, image: str, snapshot: str = "") -> None:
        self.pool = pool
        self.namespace = namespace
        self.image = image
        self.snapshot = snapshot

    def __str__(self) -> str:
        """As rbd(8) writes it: POOL/[NAMESPACE/]IMAGE[@SNAPSHOT]."""
        middle = f"{self.namespace}/" if self.namespace else ""
        tail = f"@{self.snapshot}" if self.snapshot else ""
        return f"{self.pool}/{middle}{self.image}{tail}"


class Mapping:
    """A block device on this node that is the image.

    ``number`` tells it to its mapper, ``client`` is its address as Ceph sees it, '' if unknown.
    """

    def __init__(self, mapper: str, number: str, device: str) -> None:
        self.mapper = mapper
        self.number = number
        self.device = device
        self.client = ""
        self.fsid = ""
        self.read_only = False
        self.size = 0
        self.pid = 0  # of the process behind it, where there is one
        self.started = 0

    @property
    def name(self) -> str:
        """The kernel's name, such as rbd0."""
        return self.device.rpartition("/")[2]


class Wish:
    """How an image is to be mapped, and as whom."""

    def __init__(
        self,
        conf: str,
        client: str,
        keyring: "str | None",
        *,
        read_only: bool,
        exclusive: bool,
        options: "tuple[str, ...]",
    ) -> None:
        self.conf = conf
        self.client = client
        self.keyring = keyring
        self.read_only = read_only
        self.exclusive = exclusive
        self.options = options

    def identity(self) -> "list[str]":
        keyring = [f"--keyring={self.keyring}"] if self.keyring else []
        return [f"--conf={self.conf}", f"--id={self.client}", *keyring]

    def flags(self) -> "list[str]":
        flags = ["--read-only"] if self.read_only else []
        return [*flags, "--exclusive"] if self.exclusive else flags
