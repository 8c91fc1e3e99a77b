"""The checkpoints that OFA's and CompOFA's authors have published: their addresses and architectures.

Nothing here downloads anything.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from latency_tables.errors import FormatError, InputError

OFA_FILES = "https://raw.githubusercontent.com/han-cai/files/master/ofa/ofa_nets/"
OFA_LARGE_FILES = "https://media.githubusercontent.com/media/han-cai/files/master/ofa/ofa_nets/"
"""The large files of that folder. The other address has git-lfs's pointers in their place."""

OFA_PAGE = "https://github.com/mit-han-lab/once-for-all"
OFA_CHECKPOINTS = "https://raw.githubusercontent.com/han-cai/files/master/ofa/ofa_checkpoints/"
COMPOFA_PAGE = "https://github.com/gatech-sysml/CompOFA"
COMPOFA_FILES = "https://raw.githubusercontent.com/gatech-sysml/CompOFA/main/ofa/checkpoints/"


@dataclass(frozen=True, slots=True)
class Published:
    """One published file.

    Attributes:
        file: The file's name.
        architecture: The name of the architecture that it holds.
        folder: The address of its folder.
        page: The address of its publisher's page.
        note: A few words about the file.
        sha256: The file's hash, empty where the publisher states none. Git-lfs's pointer states the ResNet's.
    """

    file: str
    architecture: str
    folder: str
    page: str
    note: str
    sha256: str = ""

    @property
    def url(self) -> str:
        """The file's address."""
        return self.folder + self.file

    def steps(self) -> list[str]:
        """Return the commands that fetch and import the file."""
        check = [f"echo '{self.sha256}  {self.file}' | sha256sum --check"] if self.sha256 else []
        imported = f"compofa models import '{self.file}' -o {self.architecture}.safetensors"
        return [f"curl -L -o '{self.file}' '{self.url}'", *check, imported]


PUBLISHED = {
    published.file: published
    for published in (
        Published("ofa_mbv3_d234_e346_k357_w1.0", "mbv3-w1.0-imagenet", OFA_FILES, OFA_PAGE, "OFA"),
        Published("ofa_mbv3_d234_e346_k357_w1.2", "mbv3-w1.2-imagenet", OFA_FILES, OFA_PAGE, "OFA"),
        Published("ofa_proxyless_d234_e346_k357_w1.3", "proxyless-w1.3-imagenet", OFA_FILES, OFA_PAGE, "OFA"),
        Published("ofa_D4_E6_K7", "mbv3-w1.0-d4e6k7-imagenet", OFA_CHECKPOINTS, OFA_PAGE, "OFA's teacher"),
        Published("ofa_resnet50_d0-1-2_e0.2-0.25-0.35_w0.65-0.8-1.0", "resnet50d-w1.0-imagenet", OFA_LARGE_FILES,
                  OFA_PAGE, "OFA", "3406a4c852f4573a58e9a01f35406baa4ad3787044ffadc6ea45571ad2b9123a"),
        Published("model_best_compofa_simple.pth.tar", "mbv3-w1.0-fixed-imagenet", COMPOFA_FILES, COMPOFA_PAGE,
                  "CompOFA, fixed kernels"),
        Published("model_best_compofa_simple_elastic.pth.tar", "mbv3-w1.0-imagenet", COMPOFA_FILES, COMPOFA_PAGE,
                  "CompOFA, elastic kernels"),
    )
}  # fmt: skip


def hash_file(path: Path) -> str:
    """Return a file's SHA-256; :class:`InputError` where the file cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the checkpoint's file") from None


def check_published(path: Path, sha256: str) -> Published | None:
    """Return the published checkpoint of a file's name, or None.

    Args:
        path: The file.
        sha256: The file's hash, which is compared where the publisher states one.

    Raises:
        FormatError: The hash differs from the published one.
    """
    published = PUBLISHED.get(path.name)
    if published is not None and published.sha256 not in ("", sha256):
        raise FormatError(
            f"{path}: its sha256 is {sha256}, and the file published under this name has {published.sha256}; fetch it "
            "again, or rename it if it is your own"
        )
    return published
