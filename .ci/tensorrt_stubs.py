"""Type stubs of TensorRT for mypy, in a folder of their own: ``python .ci/tensorrt_stubs.py FOLDER``.

Apart from the environment, since they would be imported there as if they were TensorRT; without what they depend on,
since TensorRT itself cannot be installed everywhere. What mypy cannot read in them is mended.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = "tensorrt-stubs"
ROOT = Path(__file__).resolve().parent.parent
MENDS = (
    (r"\bin: ", "in_: "),
    (r"(def add_scale_nd\(.*), channel_axis: int\)", r"\1, channel_axis: int = 0)"),
    (r"(?m)^bool: DataType.*$", ""),
)
"""A keyword as a parameter's name; a parameter without a default behind those that have one; and a variable that has
the name of the type that most functions return."""


def main() -> None:
    folder = Path(sys.argv[1])
    quiet = ["--quiet", "--disable-pip-version-check", "--upgrade"]
    exact = ["--no-deps", "--constraint", str(ROOT / "constraints.txt"), "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "install", *quiet, *exact, PACKAGE], check=True)
    for file in folder.rglob("*.pyi"):
        text = file.read_text(encoding="utf-8")
        for wrong, right in MENDS:
            text = re.sub(wrong, right, text)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
