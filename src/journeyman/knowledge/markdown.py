"""A document as Markdown: for prompts, for reading, for comparing."""

from __future__ import annotations

from collections.abc import Iterator

from journeyman.documents import Block, Document


def markdown(document: Document) -> str:
    """Headings, tables and code as Markdown; headers and footers of pages are left out."""
    return "\n\n".join(part for block in document.blocks for part in _parts(block))


def _parts(block: Block) -> Iterator[str]:
    if block.kind in {"header", "footer"} or not block.text:
        return
    if block.kind == "table" and block.cells:
        yield table_markdown(block)
    elif block.kind == "heading":
        yield f"{'#' * min(block.level or 2, 6)} {' '.join(block.text.split())}"
    elif block.kind == "code":
        fence = "````" if "```" in block.text else "```"
        yield f"{fence}\n{block.text}\n{fence}"
    elif block.kind == "quote":
        yield "\n".join(f"{'>' * (block.level or 1)} {line}" for line in block.text.splitlines())
    else:
        yield block.text


def table_markdown(block: Block) -> str:
    rows = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in block.cells]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])
