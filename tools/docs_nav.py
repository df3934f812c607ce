"""Orders the manual: tutorials, how-to guides, reference, explanation, decisions.

A hook of mkdocs: a page is found by lying in one of the folders, nobody lists it.
"""

from pathlib import Path
from typing import Any

SECTIONS = {
    "Tutorials": "tutorials",
    "How-to guides": "how-to",
    "Reference": "reference",
    "Explanation": "explanation",
    "Decisions": "decisions",
}


def on_config(config: Any) -> Any:
    """Called by mkdocs once it has read its settings."""
    docs = Path(config["docs_dir"])
    config["nav"] = ["index.md"]
    for title, folder in SECTIONS.items():
        pages = sorted(str(p.relative_to(docs)) for p in (docs / folder).glob("*.md"))
        if pages:
            config["nav"].append({title: pages})
    return config
