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
from journeyman.knowledge.parse.sheets import FileToRead, ParsedPage, broken
from journeyman.knowledge.parse.text.decoding import text_of
from journeyman.knowledge.parse.web.html import parsed

PACKAGE = "{http://www.idpf.org/2007/opf}"


def read(source: FileToRead) -> Iterator[ParsedPage]:
    with opened(source) as archive:
        if "META-INF/encryption.xml" in archive.namelist() and b"EncryptedKey" in archive.read(
            "META-INF/encryption.xml"
        ):
            raise InputError(
                f"{source.name!r} is protected by its publisher (DRM).",
                "Give a copy without protection.",
            )
        package = _package(source, archive)
        title = package.findtext(".//{http://purl.org/dc/elements/1.1/}title")
        folder = posixpath.dirname(_package_name(source, archive))
        files = {item.get("id"): item.get("href") or "" for item in package.iter(f"{PACKAGE}item")}
        told = False
        for item in package.iter(f"{PACKAGE}itemref"):
            name = posixpath.normpath(
                posixpath.join(folder, unquote(files.get(item.get("idref"), "")))
            )
            sheet = _chapter(archive, name, title)
            told |= bool(sheet.blocks)
            yield sheet
        if not told:
            raise broken(source, "its list of chapters leads to no text")


def _xml(source: FileToRead, data: bytes) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise broken(source, f"its table of contents is damaged ({error})") from None


def _package_name(source: FileToRead, archive: zipfile.ZipFile) -> str:
    container = _xml(source, archive.read("META-INF/container.xml"))
    root = next(container.iter("{*}rootfile"), None)
    name = root.get("full-path") if root is not None else None
    if not name or name not in archive.namelist():
        raise broken(source, "it names no package file")
    return str(name)


def _package(source: FileToRead, archive: zipfile.ZipFile) -> Any:
    return _xml(source, archive.read(_package_name(source, archive)))


def _chapter(archive: zipfile.ZipFile, name: str, title: str | None) -> ParsedPage:
    try:
        data = archive.read(name)
    except (KeyError, zipfile.BadZipFile) as error:
        return ParsedPage(
            notes=(f"The chapter {name!r} is missing or damaged: {error}.",), missing=True
        )
    blocks, _ = parsed(text_of(data))
    return ParsedPage(blocks=tuple(blocks), title=title)
