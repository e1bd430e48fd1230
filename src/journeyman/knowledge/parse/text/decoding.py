"""Bytes to text: by byte order mark, by UTF-8, by the file's declaration, then by the likeliest characters."""

from __future__ import annotations

import codecs
import re
import unicodedata

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

DECLARED = re.compile(
    rb"(?:charset|encoding|coding)\s*[=:]\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE
)

EAST_ASIAN = ("gb18030", "big5", "shift_jis", "euc_jp", "euc_kr")

SAMPLE = 65_536


def text_of(data: bytes, declared: str | None = None, *, cut: bool = False) -> str:
    """The text, newlines as "\\n", with what can't be decoded as U+FFFD. `cut`: it may end within a character."""
    encoding = encoding_of(data, declared, cut=cut)
    try:
        text = codecs.decode(data, encoding, "replace")
    except (LookupError, ValueError):
        text = data.decode("utf-8", "replace")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def encoding_of(data: bytes, declared: str | None = None, *, cut: bool = False) -> str:
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return encoding
    wide = _without_mark(data[:4096])
    if wide:
        return wide
    if _reads_as(data, "utf-8", cut):
        return "utf-8"
    for name in (declared, _declared_inside(data)):
        known = _known(name) if name else None
        if known and _reads_as(data, known, cut):
            return known
    return _likeliest(data[:SAMPLE])


def _declared_inside(data: bytes) -> str | None:
    """What the text says of itself, near its beginning."""
    found = DECLARED.search(data[:2048])
    if found is None:
        return None
    return found.group(1).decode("ascii", "replace")


def _known(name: str) -> str | None:
    """A declared name as Python's; GB2312 and GBK are read as their superset."""
    try:
        known = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    if known in {"gb2312", "gbk"}:
        return "gb18030"
    if known in {"iso8859-1", "ascii"}:
        return "cp1252"
    return known


def _reads_as(data: bytes, encoding: str, cut: bool) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)("strict").decode(data, final=not cut)
    except (UnicodeError, LookupError):
        return False
    return True


def _without_mark(head: bytes) -> str | None:
    """UTF-16 without a mark: every other byte is mostly zero."""
    pairs = len(head) // 2
    if pairs < 4:
        return None
    whole = head[: 2 * pairs]
    even = whole[0::2].count(0)
    odd = whole[1::2].count(0)
    many = 0.4 * pairs
    few = 0.05 * pairs
    if odd > many and even < few:
        return "utf-16-le"
    if even > many and odd < few:
        return "utf-16-be"
    return None


def _likeliest(sample: bytes) -> str:
    """The East Asian encoding whose characters are nearly all common ones, else what charset-normalizer says."""
    scores = {encoding: _plausible(sample, encoding) for encoding in EAST_ASIAN}
    best = max(EAST_ASIAN, key=lambda encoding: scores[encoding])
    if scores[best] >= 0.8:
        return best
    if _western(sample):
        return "cp1252"
    from charset_normalizer import from_bytes  # noqa: PLC0415 - optional, slow to import

    match = from_bytes(sample[:16_384], steps=4).best()
    return match.encoding if match else "cp1252"


WESTERN = frozenset(
    "àâäáãåçéèêëíìîïñóòôöõúùûüýÿßæøœðþÀÂÄÁÃÅÇÉÈÊËÍÌÎÏÑÓÒÔÖÕÚÙÛÜÝÆØŒÐÞ«»–—‘’“”„…€£°§©®·¡¿ªº•™\xa0"
)


def _western(sample: bytes) -> bool:
    """Mostly ASCII letters, with some that Western Europe adds: Cyrillic read so has hardly any ASCII."""
    try:
        text = sample.decode("cp1252")
    except UnicodeError:
        return False
    foreign = [character for character in text if character > "\x7f"]
    letters = [character for character in text if character.isalpha()]
    added = sum(character > "\x7f" for character in letters)
    return all(character in WESTERN for character in foreign) and added < 0.35 * len(letters)


def _plausible(sample: bytes, encoding: str) -> float:
    """The share of common characters among those that are not ASCII; 0 where it does not decode."""
    new_decoder = codecs.getincrementaldecoder(encoding)
    decoder = new_decoder("strict")
    is_whole = len(sample) < SAMPLE
    try:
        text = decoder.decode(sample, final=is_whole)
    except UnicodeError:
        return 0.0
    foreign = [character for character in text if character > "\x7f"]
    count = len(foreign)
    if count < 2:
        return 0.0
    common = sum(_common(character, encoding) for character in foreign)
    return common / count


PUNCTUATION = "，。、；：？！“”‘’（）《》【】「」『』—…·　％"

LEVEL_1 = {
    "gb18030": ("gb2312", 0xB0, 0xD7),
    "big5": ("big5", 0xA4, 0xC6),
    "shift_jis": ("euc_jp", 0xB0, 0xCF),
    "euc_jp": ("euc_jp", 0xB0, 0xCF),
}
"""Where an encoding keeps its commonest hanzi or kanji: lead bytes, in the encoding that is sorted so."""

OWN_LETTERS = {
    "shift_jis": ("HIRAGANA", "KATAKANA"),
    "euc_jp": ("HIRAGANA", "KATAKANA"),
    "euc_kr": ("HANGUL",),
}


def _common(character: str, encoding: str) -> float:
    """How usual a character is in texts of an encoding: its own letters and its commonest hanzi are."""
    name = unicodedata.name(character, "")
    own_letters = OWN_LETTERS.get(encoding, ("-",))
    if character in PUNCTUATION or name.startswith(own_letters):
        return 0.0 if name.startswith("HALFWIDTH") else 1.0
    if name.startswith(("HIRAGANA", "KATAKANA", "HANGUL")):
        return 0.2
    if not name.startswith("CJK UNIFIED") or encoding not in LEVEL_1:
        return 0.0
    sorted_in, low, high = LEVEL_1[encoding]
    return 0.95 if _lead(character, sorted_in, low, high) else 0.2


def _lead(character: str, encoding: str, low: int, high: int) -> bool:
    try:
        return low <= character.encode(encoding)[0] <= high
    except UnicodeError:
        return False
