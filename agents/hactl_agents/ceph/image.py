"""Which image is meant, and what a mapping of it on this node looks like; pure values."""

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
