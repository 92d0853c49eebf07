"""A name in the machine-readable Latin letters that international certificates ask for.

ICAO Doc 9303 part 3 section 6 folds Latin letters and knows no Devanagari, so Hindi names follow the common plain
spelling: no diacritics, a word's last inherent vowel unspoken.
"""

from __future__ import annotations

import re
import unicodedata

LENGTH_MAX = 80  # EU DCC combined schema 1.3.0, `fnt`
_VIRAMA = "\u094d"
_NUKTA = "\u093c"
# ICAO Doc 9303 part 3, section 6, table A: letters that do not fall apart into a base letter and a mark.
_LATIN = {"Æ": "AE", "Ø": "OE", "Å": "AA", "ß": "SS", "Ł": "L", "Đ": "D", "Þ": "TH", "Œ": "OE"}
_CONSONANTS = dict(
    zip(
        "कखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसहळ",
        "K KH G GH N CH CHH J JH N T TH D DH N T TH D DH N P PH B BH M Y R L V SH SH S H L".split(),  # noqa: SIM905 - thirty-four words are easier to compare with the letters above as one line
        strict=True,
    ),
)
_VOWELS = dict(zip("अआइईउऊऋएऐओऔऑऍ", "A A I I U U RI E AI O AU O E".split(), strict=True))  # noqa: SIM905 - as above
_SIGNS = dict(zip("ािीुूृेैोौॉॅ", "A I I U U RI E AI O AU O E".split(), strict=True))  # noqa: SIM905 - as above
_MARKS = {"\u0902": "N", "\u0901": "N", "\u0903": "H"}


def machine_readable(name: str) -> str:
    """Upper-case A to Z with `<` between words, at most 80 characters; `X` when no letter could be spelled."""
    words = [_word(word) for word in re.split(r"[\s\-'.,<]+", name)]
    spelled = "<".join(word for word in words if word)
    return spelled[:LENGTH_MAX].rstrip("<") or "X"


def _word(word: str) -> str:
    plain = unicodedata.normalize("NFKC", _spell_devanagari(unicodedata.normalize("NFD", word)))
    latin = "".join(_LATIN.get(letter, letter) for letter in plain.upper())
    folded = unicodedata.normalize("NFKD", latin)
    return "".join(letter for letter in folded if "A" <= letter <= "Z")


def _spell_devanagari(word: str) -> str:
    letters = word.replace(_NUKTA, "")
    spelled = []
    for at, letter in enumerate(letters):
        following = letters[at + 1] if at + 1 < len(letters) else ""
        if letter in _CONSONANTS:
            silent = following in {"", _VIRAMA} or following in _SIGNS
            spelled.append(_CONSONANTS[letter] + ("" if silent else "A"))
        elif letter != _VIRAMA:
            spelled.append(_VOWELS.get(letter) or _SIGNS.get(letter) or _MARKS.get(letter) or letter)
    return "".join(spelled)
