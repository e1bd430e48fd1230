"""A document as Markdown: for prompts, for reading, for comparing."""

from __future__ import annotations

from collections.abc import Sequence

from journeyman.documents import Block, Document


def markdown(document: Document) -> str:
    """Headings, tables and code as Markdown; headers and footers of pages are left out."""
    parts = [_part(block) for block in document.blocks if _is_shown(block)]
    return "\n\n".join(parts)


def _is_shown(block: Block) -> bool:
    is_edge = block.kind in {"header", "footer"}
    return not is_edge and bool(block.text)


def _part(block: Block) -> str:
    text = block.text
    if block.kind == "table" and block.cells:
        return table_markdown(block)
    if block.kind == "heading":
        marks = "#" * min(block.level or 2, 6)
        words = " ".join(text.split())
        return f"{marks} {words}"
    if block.kind == "code":
        fence = "````" if "```" in text else "```"
        return f"{fence}\n{text}\n{fence}"
    if block.kind == "quote":
        marks = ">" * (block.level or 1)
        lines = [f"{marks} {line}" for line in text.splitlines()]
        return "\n".join(lines)
    return text


def table_markdown(block: Block) -> str:
    lines = [_row(row) for row in block.cells]
    rule = "|" + " --- |" * len(block.cells[0])
    lines.insert(1, rule)
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    on_one_line = [" ".join(cell.split()) for cell in cells]
    escaped = [cell.replace("|", "\\|") for cell in on_one_line]
    joined = " | ".join(escaped)
    return f"| {joined} |"
