"""Install the type stubs of TensorRT for mypy into a folder of their own: ``python .ci/tensorrt_stubs.py FOLDER``.

Inside the environment they would be imported as if they were TensorRT. They are installed without their dependencies,
since TensorRT itself cannot be installed everywhere. Parts that mypy cannot read are replaced.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = "tensorrt-stubs"
ROOT = Path(__file__).resolve().parent.parent
FIXES = (
    (r"\bin: ", "in_: "),
    (r"(def add_scale_nd\(.*), channel_axis: int\)", r"\1, channel_axis: int = 0)"),
    (r"(?m)^bool: DataType.*$", ""),
)
"""A keyword as a parameter's name; a parameter without a default after parameters with one; and a variable with the
name of the type that most functions return.
"""


def main() -> None:
    folder = Path(sys.argv[1])
    quiet = ["--quiet", "--disable-pip-version-check", "--upgrade"]
    exact = ["--no-deps", "--constraint", str(ROOT / "constraints.txt"), "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "install", *quiet, *exact, PACKAGE], check=True)
    for file in folder.rglob("*.pyi"):
        text = file.read_text(encoding="utf-8")
        for wrong, right in FIXES:
            text = re.sub(wrong, right, text)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
