"""The terms of a text: words, identifiers, character pairs, and what counts as the same."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyman.store.fulltext.terms import LONGEST_TERM, terms


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The Cafés of naïve Zoë", "the cafes of naive zoe"),
        ("order A-17, again", "order a 17 a-17 again"),
        ("order_id=9", "order id order_id 9"),
        ("v1.2.3 on 2024-05-01", "v1 2 3 v1.2.3 on 2024 05 01 2024-05-01"),
        ("a well-known thing", "a well known thing"),
        ("我爱北京", "我爱 爱北 北京"),
        ("猫。狗", "猫 狗"),
        ("退款A-17已到账", "退款 a 17 a-17 已到 到账"),
        ("ＡＢＣ１２ ｶﾀｶﾅ", "abc12 カタ タカ カナ"),
        ("がんばる", "がん んば ばる"),
        ("한국어", "한국 국어"),
        ("हिन्दी में", "हिन्दी में"),
        ("ภาษา", "ภา าษ ษา"),
        ("مُحَمَّد", "محمد"),
        ("Straße", "strasse"),
        ("", ""),
        ("!? … 。\x00\ud800", ""),
    ],
)
def test_terms_of(text: str, found: str) -> None:
    assert terms(text) == found.split()


def test_a_very_long_word_is_cut() -> None:
    assert terms("x" * 1000) == ["x" * LONGEST_TERM]


@given(st.text(max_size=60))
def test_case_and_width_make_no_difference_and_no_term_is_empty(text: str) -> None:
    found = terms(text)
    assert all(0 < len(term) <= LONGEST_TERM for term in found)
    assert terms(unicodedata.normalize("NFKC", text)) == found
    assert terms(unicodedata.normalize("NFD", text)) == found


@given(st.text(st.characters(max_codepoint=127), max_size=60))
def test_ascii_alone_is_read_as_within_other_text(text: str) -> None:
    assert terms(text) == terms(text + " 我")[:-1]
