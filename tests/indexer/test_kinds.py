"""What a file of a folder is, by its name and its first bytes."""

import pytest

from clipseek.config import Settings
from indexer.kinds import Siblings, Skip, by_content, by_name

DEFAULT = Skip(Settings.model_fields["skip"].default)
NONE = Siblings(())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((name, "system") for name in ("@eaDir", "#recycle", "#snapshot", "@Recycle")),
        *((name, "system") for name in ("$RECYCLE.BIN", "$Recycle.Bin", "RECYCLER", "lost+found")),
        *((name, "system") for name in ("System Volume Information", "__MACOSX", "found.000")),
        *((name, "system") for name in (".Trash", ".Trash-1000", ".Trashes")),
        *((name, "hidden") for name in (".git", "._a.mp4", ".hidden.mp4")),
        *((f"a.mkv{end}", "unfinished") for end in (".part", ".crdownload", ".!qB", ".!ut")),
        *((f"a.mkv{end}", "unfinished") for end in (".partial", ".download", ".tmp", ".PART")),
        *((f"a.mkv{end}", "unfinished") for end in (".opdownload", ".filepart", ".ytdl")),
        *((name, None) for name in ("a.mp4", "part.mp4", "a.part1.mkv", "recycle", "@home", "tmp")),
    ],
)
def test_a_name_tells_what_is_not_for_people(name: str, reason: str | None) -> None:
    """Folders of systems, downloads under way and hidden entries, in any case of letters."""
    assert DEFAULT.reason(name, NONE) == reason


@pytest.mark.parametrize(
    ("double", "original"),
    [
        pytest.param("GL010001.LRV", "GX010001.MP4", id="GoPro HEVC"),
        pytest.param("GL010001.lrv", "gh010001.mp4", id="GoPro AVC"),
        pytest.param("GL010001.LRV", "GS010001.360", id="GoPro MAX"),
        pytest.param("GOPR0001.LRV", "GOPR0001.MP4", id="old GoPro"),
        pytest.param("GX010001.THM", "GX010001.MP4", id="GoPro thumbnail"),
        pytest.param("DJI_0001.LRF", "DJI_0001.MP4", id="DJI"),
        pytest.param(
            "LRV_20230101_120000_11_001.insv", "VID_20230101_120000_00_001.insv", id="Insta360"
        ),
        pytest.param(
            "LRV_20230101_120000_01_001.lrv", "VID_20230101_120000_00_001.mp4", id="Insta360 GO"
        ),
    ],
)
def test_a_double_is_left_out_beside_its_original(double: str, original: str) -> None:
    """And kept where the original is not there, or is of another number."""
    assert DEFAULT.reason(double, Siblings([double, original])) == "double"
    assert DEFAULT.reason(original, Siblings([double, original])) is None
    assert DEFAULT.reason(double, Siblings([double])) is None
    assert DEFAULT.reason(double, Siblings([double, original.replace("001", "002")])) is None


def test_a_file_that_aria2_has_not_finished_is_left_out() -> None:
    """Its control file is beside it."""
    assert DEFAULT.reason("a.mp4", Siblings(["a.mp4", "a.mp4.aria2"])) == "unfinished"


def test_the_setting_says_what_is_left_out() -> None:
    """Nothing by an empty one; a pattern of its own in any case of letters."""
    assert Skip(()).reason(".a.mp4", NONE) is None
    assert Skip(()).reason("@eaDir", NONE) is None
    assert Skip(["*-Proxy.mp4"]).reason("A-PROXY.MP4", NONE) == "skipped"
    assert Skip(["hidden"]).reason("a.part", NONE) is None


def _packets(size: int, count: int, junk: bytes = b"") -> bytes:
    lead = b"\0\0\0\0" if size == 192 else b""
    packet = lead + b"\x47" + b"\xaa" * (size - 1 - len(lead))
    return junk + packet * count


def _ogg(*codecs: bytes) -> bytes:
    pages = [
        b"OggS\0\2" + bytes(20) + bytes([1, len(codec) + 20]) + codec + bytes(20)
        for codec in codecs
    ]
    return b"".join(pages) + b"OggS\0\0" + bytes(60)


def _brands(*brands: bytes) -> bytes:
    body = b"ftyp" + brands[0] + bytes(4) + b"".join(brands)
    return (len(body) + 4).to_bytes(4, "big") + body + bytes(40)


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        *[
            (f"a{end}", _packets(size, 9), "video")
            for end in (".ts", ".MTS")
            for size in (188, 192)
        ],
        ("a.ts", _packets(204, 9), "video"),
        ("a.ts", _packets(188, 12, b"cut in a packet"), "video"),
        ("recording", _packets(188, 3), "video"),
        ("mod.ts", b"export const a = 'GGG';\n" * 90, "text"),
        ("mod.mts", b"import x from 'y'\n", "text"),
        ("de.ts", b'<?xml version="1.0"?><!DOCTYPE TS>', "text"),
        ("wide.ts", "export {}".encode("utf-16"), "text"),
        ("empty.ts", b"", "text"),
        ("damaged.ts", bytes(8192), "video"),
        ("song.ogg", _ogg(b"\x01vorbis"), "audio"),
        ("song.ogg", _ogg(b"OpusHead"), "audio"),
        ("video.ogg", _ogg(b"\x80theora", b"\x01vorbis"), "video"),
        ("video.ogg", _ogg(b"fishead\0", b"\x01vorbis", b"\x80theora"), "video"),
        ("x", _brands(b"isom", b"mp42"), "video"),
        ("x", _brands(b"M4A ", b"isom"), "audio"),
        ("x.heic", _brands(b"heic", b"mif1", b"heic"), "picture"),
        ("x.avif", _brands(b"avif", b"mif1", b"miaf"), "picture"),
        ("x.avif", _brands(b"avis", b"avif", b"msf1"), "video"),
        ("x.jpg", b"\xff\xd8\xff\xe0", "picture"),
        ("x.webp", b"RIFF....WEBPVP8 ", "picture"),
        ("x.cr3", _brands(b"crx ", b"isom"), "picture"),
        ("x.avi", b"RIFF....AVI LIST", "video"),
        ("x.txt", b"Dear Sir or Madam", None),
        ("x.wasm", b"\0asm", None),
    ],
)
def test_first_bytes_tell_a_video(name: str, head: bytes, kind: str | None) -> None:
    """Also from sources, translations, music and pictures under the same endings."""
    assert by_content(name, head) == kind


def test_an_ending_that_other_things_have_is_asked() -> None:
    """Others are taken or left by it alone, without opening the file."""
    assert [by_name(n) for n in ("a.mp4", "a.MKV", "a.m4a", "a.OPUS", "a.ts", "a.ogg", "a")] == [
        "video",
        "video",
        "audio",
        "audio",
        None,
        None,
        None,
    ]
