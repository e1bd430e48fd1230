"""EPUB: the chapters in the order of the spine, each read as HTML."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from lxml import etree

from journeyman.errors import InputError
from journeyman.knowledge.parse.office.archives import opened
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, Sheets, broken
from journeyman.knowledge.parse.text.decoding import text_of
from journeyman.knowledge.parse.web.html import parsed

PACKAGE = "{http://www.idpf.org/2007/opf}"
TITLE = ".//{http://purl.org/dc/elements/1.1/}title"
ENCRYPTION = "META-INF/encryption.xml"


def read(source: FileToRead) -> Sheets:
    with opened(source) as archive:
        _refuse_protected(source, archive)
        name = _package_name(source, archive)
        data = archive.read(name)
        package = _xml(source, data)
        title = package.findtext(TITLE)
        folder = posixpath.dirname(name)
        has_text = False
        for chapter in _chapters(package, folder):
            sheet = _chapter(archive, chapter, title)
            has_text |= bool(sheet.blocks)
            yield sheet
        if not has_text:
            raise broken(source, "its list of chapters leads to no text")


def _refuse_protected(source: FileToRead, archive: zipfile.ZipFile) -> None:
    if ENCRYPTION not in archive.namelist():
        return
    if b"EncryptedKey" in archive.read(ENCRYPTION):
        raise InputError(
            f"{source.name!r} is protected by its publisher (DRM).",
            "Give a copy without protection.",
        )


def _chapters(package: Any, folder: str) -> Iterator[str]:
    """The chapters' names in the archive, in the order of the spine."""
    files: dict[str | None, str] = {}
    for item in package.iter(f"{PACKAGE}item"):
        number = item.get("id")
        files[number] = item.get("href") or ""
    for item in package.iter(f"{PACKAGE}itemref"):
        number = item.get("idref")
        href = unquote(files.get(number, ""))
        path = posixpath.join(folder, href)
        yield posixpath.normpath(path)


def _xml(source: FileToRead, data: bytes) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise broken(source, f"its table of contents is damaged ({error})") from None


def _package_name(source: FileToRead, archive: zipfile.ZipFile) -> str:
    data = archive.read("META-INF/container.xml")
    container = _xml(source, data)
    roots = container.iter("{*}rootfile")
    root = next(roots, None)
    name = ""
    if root is not None:
        name = root.get("full-path") or ""
    if not name or name not in archive.namelist():
        raise broken(source, "it names no package file")
    return name


def _chapter(archive: zipfile.ZipFile, name: str, title: str | None) -> ParsedPage:
    try:
        data = archive.read(name)
    except (KeyError, zipfile.BadZipFile) as error:
        return ParsedPage(
            notes=(f"The chapter {name!r} is missing or damaged: {error}.",), missing=True
        )
    blocks, _ = parsed(text_of(data))
    return ParsedPage(blocks=tuple(blocks), title=title)
