"""Package metadata; settings of the tools are in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

BASE = [
    "click>=8.1",
    "numpy>=1.26",
    "onnx>=1.17",
    "onnxruntime>=1.20",
    "pandas>=2.2",
    "pillow>=10.1",
    "platformdirs>=4.0",
    "pydantic>=2.7",
    # Once-For-All's latency tables are YAML; imported where one is read or written.
    "pyyaml>=6.0",
    "rich>=13.7",
    "safetensors>=0.4.3",
]
OPENVINO = ["openvino>=2025.0"]
# Its two wheels by name: the package that is named tensorrt_rtx fetches them from NVIDIA's own index instead.
TENSORRT_RTX = ["tensorrt_rtx_cu13_libs>=1.7", "tensorrt_rtx_cu13_bindings>=1.7"]
TRAIN = ["pyarrow>=16", "torch>=2.6"]
REPORT = ["matplotlib>=3.9"]
TENSORBOARD = ["tensorboard>=2.16"]
EXTRAS = {
    "train": TRAIN,
    # Energy and CO2 of a training; imported where --carbon asks for them.
    "carbon": ["codecarbon>=2.8"],
    "openvino": OPENVINO,
    "tensorrt": ["tensorrt>=10.0"],
    "tensorrt-rtx": TENSORRT_RTX,
    "report": REPORT,
    # Files for TensorBoard, where compofa train is asked for them.
    "tensorboard": TENSORBOARD,
    # The documentation as a site: make docs.
    "docs": ["furo>=2024.8", "myst-parser>=4.0", "sphinx>=8.2"],
    "test": [
        *TRAIN,
        *REPORT,
        *TENSORBOARD,
        "build>=1.2",
        "coverage>=7.10",
        "hypothesis>=6.100",
        "import-linter>=2.1",
        "mypy>=1.13",
        "ofa==0.1.0.post202307202001",
        *OPENVINO,
        *(f"{wheel}; sys_platform == 'linux' and platform_machine == 'x86_64'" for wheel in TENSORRT_RTX),
        "pre-commit>=4.0",
        "pytest>=8.2",
        "pytest-cov>=6.2",
        # Half of the tests wait: for processes, sessions, a simulated network.
        "pytest-xdist>=3.6",
        "ruff>=0.8",
        "setuptools>=77",
    ],
}

setup(
    name="compofa-deploy",
    version="0.1.0",
    description=(
        "From a latency budget on a named device to the most accurate subnet of a supernet that meets it: "
        "searched, exported, checked and measured there"
    ),
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The compofa-deploy authors",
    license_expression="Apache-2.0",
    license_files=["LICENSE"],
    keywords="once-for-all compofa neural-architecture-search latency onnx onnxruntime edge deployment",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: MacOS",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    package_dir={"": "."},
    packages=find_packages(
        include=[
            "compofa_deploy",
            "compofa_deploy.*",
            "profilers",
            "profilers.*",
            "latency_tables",
            "latency_tables.*",
        ]
    ),
    package_data={
        "compofa_deploy": ["py.typed", "recipes/*.toml", "shipped/*"],
        "profilers": ["py.typed"],
        "latency_tables": ["py.typed", "data/*.json"],
    },
    install_requires=BASE,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["compofa = compofa_deploy.cli:main"]},
)
