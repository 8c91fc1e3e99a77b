"""Settings of Sphinx, which `make docs` runs on the whole repository: its pages link to each other as on GitHub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PAGES = {
    "Use": [
        "docs/commands",
        "docs/auto",
        "docs/supernets",
        "docs/devices",
        "docs/tensorrt",
        "docs/training",
        "docs/library",
        "docs/cache",
    ],
    "Understand": ["docs/measurement", "docs/gate", "docs/ci", "docs/glossary"],
    "Extend": ["docs/adding-a-runtime", "CONTRIBUTING", "SECURITY", "CHANGELOG", "docs/reference"],
}
MODEL_CARDS = "compofa_deploy/shipped/*"

project = "compofa-deploy"
author = "The compofa-deploy authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", f"{MODEL_CARDS}.md"]

html_theme = "furo"
html_title = project

# Headings get the anchors that GitHub gives them.
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_default_options = {"members": True, "show-inheritance": True}
# The site is built without the extras, which no docstring needs.
autodoc_mock_imports = ["torch", "pyarrow", "openvino", "tensorrt", "matplotlib", "codecarbon"]
napoleon_numpy_docstring = False
# A public name is documented in `compofa_deploy.api` and where it is defined, so a link has two targets.
suppress_warnings = ["ref.python"]


def add_contents(app: Sphinx, page: str, source: list[str]) -> None:
    """Add the table of contents to the README, which has none on GitHub."""
    if page == root_doc:
        for caption, pages in PAGES.items():
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(pages) + "\n```\n"
        source[0] += f"\n```{{toctree}}\n:hidden:\n:glob:\n:caption: Model cards\n\n{MODEL_CARDS}\n```\n"


def add_index(app: Sphinx, failure: Exception | None) -> None:
    """Write the page that a browser opens first."""
    target = f'<meta http-equiv="refresh" content="0; url={root_doc}.html">'
    Path(app.outdir, "index.html").write_text(f"<!doctype html><title>{project}</title>{target}\n")


def setup(app: Sphinx) -> None:
    app.connect("source-read", add_contents)
    app.connect("build-finished", add_index)
