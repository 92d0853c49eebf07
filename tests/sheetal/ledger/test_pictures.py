from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.ledger import pictures
from sheetal.ledger.pictures import JPEG_START, PNG_START, bare

PLACE = b"Exif\0\0 latitude 28.5 longitude 77.4, phone of A. Sample"


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


HEAD, TABLE = segment(0xE0, b"JFIF\0\1\2"), segment(0xDB, bytes(65))
PROFILE = segment(0xE2, b"ICC_PROFILE\0 colour")
SCAN = segment(0xDA, b"scan") + b"\x12\x34\xff\x00\xff\xe1 not a segment \xff\xd9"
IHDR, IDAT, IEND = chunk(b"IHDR", bytes(13)), chunk(b"IDAT", zlib.compress(b"picture")), chunk(b"IEND", b"")


@pytest.mark.parametrize("marker", [0xE1, 0xE3, 0xED, 0xEF, 0xFE])
def test_a_jpeg_loses_what_the_camera_wrote_and_nothing_else(marker: int) -> None:
    told = JPEG_START + HEAD + segment(marker, PLACE) + PROFILE + segment(marker, PLACE) + TABLE + SCAN
    assert bare(told) == JPEG_START + HEAD + PROFILE + TABLE + SCAN


@pytest.mark.parametrize("name", sorted(pictures.TOLD_CHUNKS))
def test_a_png_loses_its_words_and_nothing_else(name: bytes) -> None:
    told = PNG_START + IHDR + chunk(name, PLACE) + IDAT + chunk(name, PLACE) + IEND
    assert bare(told) == PNG_START + IHDR + IDAT + IEND


def test_what_is_bare_stays_as_it_is() -> None:
    for content in (JPEG_START + HEAD + TABLE + SCAN, PNG_START + IHDR + IDAT + IEND, b"%PDF-1.7 Exif", b""):
        assert bare(content) == content


DATA = segment(0xDA, b"scan") + b"\x12\x34\xff\x00\xff\xd3 data "
TABLES = segment(0xC4, b"codes \xff\xd9 codes")


@pytest.mark.parametrize("picture", [DATA + b"\xff\xd9", DATA + TABLES + DATA + b"\xff\xd9"])
def test_what_hangs_behind_a_jpegs_end_goes(picture: bytes) -> None:
    second = JPEG_START + HEAD + segment(0xE1, PLACE) + TABLE + SCAN
    assert bare(JPEG_START + HEAD + TABLE + picture + second) == JPEG_START + HEAD + TABLE + picture


def test_what_hangs_behind_a_pngs_end_goes() -> None:
    assert bare(PNG_START + IHDR + IDAT + IEND + PLACE + chunk(b"eXIf", PLACE)) == PNG_START + IHDR + IDAT + IEND


def test_of_the_second_application_segment_only_the_colour_stays() -> None:
    told = JPEG_START + HEAD + segment(0xE2, b"MPF\0" + PLACE) + PROFILE + TABLE + SCAN
    assert bare(told) == JPEG_START + HEAD + PROFILE + TABLE + SCAN


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_torn_file_is_kept_from_there_on(cut: int) -> None:
    torn = JPEG_START + HEAD + segment(0xE1, PLACE)[:cut]
    assert bare(torn) == torn
    torn = PNG_START + IHDR + chunk(b"tEXt", PLACE)[:cut]
    assert bare(torn) == torn


def test_a_length_that_goes_nowhere_ends_the_walk() -> None:
    stuck = JPEG_START + b"\xff\xe1\x00\x00" + PLACE
    assert bare(stuck) == stuck


@given(st.sampled_from([JPEG_START, PNG_START, b""]), st.binary(max_size=300))
def test_no_file_breaks_it_or_grows(start: bytes, rest: bytes) -> None:
    content = start + rest
    once = bare(content)
    assert len(once) <= len(content)
    assert once.startswith(start)
