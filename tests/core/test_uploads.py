"""Uploads: a kill loses nothing that was told, bounds are kept, and nobody sees another's."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.errors import (
    DiskFull,
    ServiceUnavailable,
    UploadBusy,
    UploadExpired,
    UploadNotFound,
    UploadQuotaExceeded,
    UploadTooLarge,
    WrongOffset,
)
from clipseek.uploads import LEAST_BYTES, Bounds, Upload, Uploads, safe_name

DAY_S = 86400.0
BOUNDS = Bounds(
    file_bytes=1000, all_bytes=4 * LEAST_BYTES, owner_bytes=2 * LEAST_BYTES, reserve_bytes=0
)


def begin(uploads: Uploads, length: int = 10, owner: str = "ann") -> Upload:
    """Begin an upload with a name."""
    return uploads.create(owner, "default", length, {"filename": "sea.mp4"})


def add(uploads: Uploads, upload: Upload, offset: int, data: bytes) -> Upload:
    """Add bytes as a request does."""
    appending = uploads.append(upload.id, upload.owner, offset)
    try:
        appending.write(data)
        return appending.sync()
    finally:
        appending.close()


def age(uploads: Uploads, upload: Upload, seconds: float) -> None:
    """Make the last byte of an upload older."""
    path = uploads.parts.data(upload.id)
    when = path.stat().st_mtime - seconds
    os.utime(path, (when, when))


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    """Return a folder without uploads."""
    return Uploads(tmp_path / "uploads", BOUNDS)


def test_an_upload_grows_by_its_parts(uploads: Uploads) -> None:
    """Each part begins where the last one has ended."""
    upload = begin(uploads)
    assert add(uploads, upload, 0, b"12345").offset == 5
    assert not uploads.get(upload.id, "ann").is_complete
    assert add(uploads, upload, 5, b"67890").is_complete
    found = uploads.get(upload.id, "ann")
    assert (found.offset, found.metadata) == (10, {"filename": "sea.mp4"})
    assert uploads.parts.data(upload.id).read_bytes() == b"1234567890"


def test_nothing_is_made_before_the_first_upload(uploads: Uploads) -> None:
    """A server that only searches needs no folder."""
    with pytest.raises(UploadNotFound):
        uploads.get("0" * 32, "ann")
    assert uploads.sweep() == 0
    assert not uploads.parts.root.exists()


@pytest.mark.parametrize("offset", [0, 4, 6, -1, 2**70])
def test_a_wrong_offset_is_refused(uploads: Uploads, offset: int) -> None:
    """It would leave a hole, or write over what is stored."""
    upload = begin(uploads)
    add(uploads, upload, 0, b"12345")
    with pytest.raises(WrongOffset, match="Upload-Offset must be 5") as caught:
        uploads.append(upload.id, "ann", offset)
    assert caught.value.offset == 5
    add(uploads, upload, 5, b"6")


def test_more_than_was_announced_is_refused(uploads: Uploads) -> None:
    """Nothing of that part is written."""
    upload = begin(uploads)
    with pytest.raises(UploadTooLarge, match="at most 10 bytes, got 11"):
        add(uploads, upload, 0, bytes(11))
    assert uploads.get(upload.id, "ann").offset == 0


def test_one_request_at_a_time_adds_to_an_upload(uploads: Uploads) -> None:
    """Also from another process; afterwards, the next one may."""
    upload = begin(uploads)
    other = Uploads(uploads.parts.root, BOUNDS)
    appending = uploads.append(upload.id, "ann", 0)
    with pytest.raises(UploadBusy, match="another request adds to it"):
        other.append(upload.id, "ann", 0)
    with pytest.raises(UploadBusy):
        other.abandon(upload.id, "ann")
    appending.close()
    add(other, upload, 0, b"1")


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda uploads, name: uploads.get(name, "bob"), id="get"),
        pytest.param(lambda uploads, name: uploads.append(name, "bob", 0), id="append"),
        pytest.param(lambda uploads, name: uploads.abandon(name, "bob"), id="abandon"),
        pytest.param(lambda uploads, name: uploads.claim(name, "bob", "j"), id="claim"),
    ],
)
def test_nobody_sees_the_upload_of_another(
    uploads: Uploads, use: Callable[[Uploads, str], object]
) -> None:
    """What is said is the same as of an upload that does not exist."""
    upload = begin(uploads)
    said = []
    for name in (upload.id, "0" * 32):
        with pytest.raises(UploadNotFound) as caught:
            use(uploads, name)
        said.append(str(caught.value).replace(name, "ID"))
    assert said[0] == said[1]
    add(uploads, upload, 0, b"1")


@pytest.mark.parametrize("name", ["", ".", "..", "../../etc/passwd", "A" * 32, "0" * 31, "0" * 33])
def test_what_is_not_an_id_is_not_a_file(uploads: Uploads, name: str) -> None:
    """No path comes from a client."""
    begin(uploads)
    for use in (uploads.get, uploads.abandon):
        with pytest.raises(UploadNotFound):
            use(name, "ann")
    with pytest.raises(UploadNotFound):
        uploads.stored.take(name, "default", "a.mp4")


def test_a_larger_upload_than_allowed_is_not_begun(uploads: Uploads) -> None:
    """Its announced length counts."""
    with pytest.raises(UploadTooLarge, match="at most 1000 bytes, got 1001"):
        begin(uploads, 1001)
    begin(uploads, 1000)


def test_quotas_count_what_is_announced(uploads: Uploads) -> None:
    """Of one principal first, then of all; an upload that ends makes room."""
    first = begin(uploads)
    begin(uploads)
    with pytest.raises(UploadQuotaExceeded, match="your uploads"):
        begin(uploads)
    begin(uploads, owner="bob")
    begin(uploads, owner="bob")
    with pytest.raises(UploadQuotaExceeded, match="all uploads") as refused:
        begin(uploads, owner="eve")
    assert "leave no room for 16777216 bytes" in refused.value.told
    assert str(BOUNDS.all_bytes) not in refused.value.told  # so much the others have uploaded
    uploads.abandon(first.id, "ann")
    begin(uploads, owner="eve")


def test_a_disk_without_space_takes_no_upload(tmp_path: Path) -> None:
    """The reserve stays free, at the beginning and later; what is stored stays."""
    free = [200]
    bounds = Bounds(file_bytes=1000, all_bytes=2**40, owner_bytes=2**40, reserve_bytes=100)
    uploads = Uploads(tmp_path, bounds, free=lambda _folder: free[0])
    with pytest.raises(DiskFull):
        begin(uploads, 101)
    upload = begin(uploads, 100)
    add(uploads, upload, 0, b"12345")
    free[0] = 104
    with pytest.raises(DiskFull) as caught:
        add(uploads, upload, 5, b"67890")
    assert str(tmp_path) not in caught.value.told
    assert uploads.get(upload.id, "ann").offset == 5
    free[0] = 200
    add(uploads, upload, 5, b"67890")


def test_the_part_that_fitted_onto_a_full_disk_stays(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk may take the first bytes of a block and refuse the rest."""
    upload, write = begin(uploads), os.write

    def half(descriptor: int, data: bytes) -> int:
        if len(data) <= 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:5])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(DiskFull):
        add(uploads, upload, 0, b"1234567890")
    monkeypatch.undo()
    assert uploads.get(upload.id, "ann").offset == 5
    assert add(uploads, upload, 5, b"67890").is_complete


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """With the setting that changes it."""
    tmp_path.chmod(0o500)
    with pytest.raises(ServiceUnavailable, match="set CLIPSEEK_UPLOAD_DIR"):
        begin(Uploads(tmp_path / "uploads", BOUNDS))


def test_a_file_in_place_of_the_folder_is_one_sentence(tmp_path: Path) -> None:
    """It names the setting to correct."""
    (tmp_path / "uploads").write_text("")
    with pytest.raises(ServiceUnavailable, match="set CLIPSEEK_UPLOAD_DIR"):
        begin(Uploads(tmp_path / "uploads", BOUNDS))


def test_an_abandoned_upload_expires_a_day_after_its_last_byte(uploads: Uploads) -> None:
    """First it is gone, then it is not there; a sweep comes with the next upload."""
    upload, other = begin(uploads), begin(uploads)
    add(uploads, upload, 0, b"1")
    age(uploads, upload, DAY_S - 60)
    assert uploads.sweep() == 0
    age(uploads, upload, 61)
    with pytest.raises(UploadExpired):
        uploads.get(upload.id, "ann")
    with pytest.raises(UploadExpired):
        uploads.append(upload.id, "ann", 1)
    begin(uploads)  # the quota has room, because the old one is deleted first
    with pytest.raises(UploadNotFound):
        uploads.get(upload.id, "ann")
    assert uploads.get(other.id, "ann").offset == 0


def test_an_upload_is_not_swept_while_a_request_adds_to_it(uploads: Uploads) -> None:
    """However old its last byte is."""
    upload = begin(uploads)
    appending = uploads.append(upload.id, "ann", 0)
    age(uploads, upload, 2 * DAY_S)
    assert uploads.sweep() == 0
    appending.write(b"1")
    appending.close()
    assert uploads.get(upload.id, "ann").offset == 1


def test_what_a_kill_left_is_swept(uploads: Uploads) -> None:
    """Bytes without a note and half a note, once they are old."""
    upload = begin(uploads)
    left = [uploads.parts.data("a" * 32), uploads.parts.folder / f"{'b' * 32}.12345678.tmp"]
    for path in left:
        path.write_bytes(b"{")
    assert uploads.sweep() == 0
    for path in left:
        os.utime(path, (0, 0))
    assert uploads.sweep() == 2
    assert not any(path.exists() for path in left)
    uploads.get(upload.id, "ann")


@pytest.mark.parametrize("job", ["", "job-1"])
def test_a_note_whose_bytes_were_taken_is_swept(uploads: Uploads, job: str) -> None:
    """A kill has left it; it would count in the quota for ever."""
    upload = begin(uploads, 1)
    if job:
        uploads.claim(upload.id, "ann", job)
    note = uploads.parts.note_of(upload.id)
    said = note.read_bytes()
    path = uploads.stored.take(upload.id, "city", "a.mp4")
    note.write_bytes(said)
    assert uploads.sweep() == 1
    assert not note.exists()
    assert path.exists()


def test_what_a_job_uses_stays_until_the_job_has_ended(uploads: Uploads) -> None:
    """Nobody adds to it or ends it, and it does not expire."""
    upload = begin(uploads, 1)
    add(uploads, upload, 0, b"1")
    uploads.claim(upload.id, "ann", "job-1")
    age(uploads, upload, 2 * DAY_S)
    assert uploads.get(upload.id, "ann").job == "job-1"
    for use in (uploads.abandon, lambda name, owner: uploads.append(name, owner, 1)):
        with pytest.raises(UploadBusy, match="job job-1 uses it"):
            use(upload.id, "ann")
    assert uploads.sweep() == 0
    assert uploads.sweep(lambda job: job == "job-1") == 0
    assert uploads.sweep(lambda job: job != "job-1") == 1


def test_a_job_takes_an_upload_to_its_place(uploads: Uploads) -> None:
    """As often as it is asked, because a job may be killed after it has done so."""
    upload = begin(uploads, 1)
    add(uploads, upload, 0, b"1")
    path = uploads.stored.take(upload.id, "city", "../../sea side.mp4")
    assert path == uploads.parts.root / "city" / upload.id / "sea side.mp4"
    assert uploads.stored.take(upload.id, "city", "../../sea side.mp4") == path
    assert path.read_bytes() == b"1"
    with pytest.raises(UploadNotFound):
        uploads.get(upload.id, "ann")
    assert [path.name for path in uploads.parts.folder.iterdir()] == [".lock"]


def test_a_taken_upload_can_be_removed(uploads: Uploads) -> None:
    """With the folders that contain nothing more."""
    first, second = begin(uploads, 1), begin(uploads, 1)
    paths = [uploads.stored.take(each.id, "city", "a.mp4") for each in (first, second)]
    assert uploads.stored.remove(paths[0])
    assert not paths[0].parent.exists()
    assert paths[1].exists()
    assert uploads.stored.remove(paths[1])
    assert not (uploads.parts.root / "city").exists()


def test_only_taken_uploads_are_removed(uploads: Uploads, tmp_path: Path) -> None:
    """A user's own file stays, even if a link below the folder leads to it."""
    own = tmp_path / "own.mp4"
    own.write_bytes(b"1")
    folder = uploads.parts.root / "city" / "a"
    folder.mkdir(parents=True)
    link = folder / "own.mp4"
    link.symlink_to(own)
    upload = begin(uploads)
    for path in (own, link, uploads.parts.data(upload.id), folder / ".." / ".." / ".." / "own.mp4"):
        assert not uploads.stored.remove(path)
    assert own.exists()
    uploads.get(upload.id, "ann")


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        pytest.param("sea.mp4", "sea.mp4", id="plain"),
        pytest.param("../../etc/passwd", "passwd", id="path"),
        pytest.param("C:\\videos\\sea.mp4", "sea.mp4", id="path of Windows"),
        pytest.param(".hidden", "hidden", id="hidden"),
        pytest.param("..", "video", id="dots"),
        pytest.param("", "video", id="empty"),
        pytest.param("a\nb\x00.mp4", "ab.mp4", id="control characters"),
        pytest.param("Größe 1.mp4", "Größe 1.mp4", id="umlaut"),
        pytest.param("x" * 300 + ".mp4", "x" * 196 + ".mp4", id="long"),
    ],
)
def test_a_name_is_made_safe(given_name: str, expected: str) -> None:
    """Its ending stays, because people know a file by it."""
    assert safe_name(given_name) == expected


@given(name=st.text(max_size=400))
def test_any_name_is_made_safe(name: str) -> None:
    """One part of a path that every file system takes."""
    safe = safe_name(name)
    assert 1 <= len(safe.encode()) <= 255
    assert not set(safe) & {"/", "\0", "\n"}
    assert not safe.startswith(".")


def test_a_damaged_note_is_one_sentence(uploads: Uploads) -> None:
    """It names the folder, for the operator."""
    upload = begin(uploads)
    uploads.parts.note_of(upload.id).write_text("{")
    with pytest.raises(ServiceUnavailable, match="is damaged"):
        uploads.get(upload.id, "ann")


KILLED = """
import sys
from pathlib import Path
from clipseek.uploads import Bounds, Uploads
uploads = Uploads(Path(sys.argv[1]), Bounds(2**40, 2**50, 2**50, 0))
appending = uploads.append(sys.argv[2], "ann", int(sys.argv[3]))
while True:
    offset = appending.upload.offset
    appending.write(bytes((offset + i) % 251 for i in range(1000)))
    print(appending.sync().offset, flush=True)
"""


def test_a_kill_loses_no_byte_that_was_told(tmp_path: Path) -> None:
    """Five times in the middle of a part: the file has all of them, and it can be continued."""
    uploads = Uploads(tmp_path, Bounds(2**40, 2**50, 2**50, 0))
    upload = begin(uploads, 2**28)
    reached = 0
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path), upload.id, str(reached)],
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            told = [int(process.stdout.readline()) for _ in range(20)]
            process.send_signal(signal.SIGKILL)
            told += [int(line) for line in process.stdout.read().splitlines()]
        reached = uploads.get(upload.id, "ann").offset
        assert reached >= told[-1]
    stored = uploads.parts.data(upload.id).read_bytes()
    assert stored == bytes(i % 251 for i in range(reached))
