"""Snapshots and thumbnails in buckets: two builders, what is fetched, a store that fails."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clipseek import buckets, thumbnails
from clipseek.errors import ServiceUnavailable
from clipseek.index.peers import Peers
from clipseek.library.offer import Offer, seen
from clipseek.publishing import BucketStore, Serving, build, digests
from clipseek.publishing.manifest import history
from clipseek.table import SegmentTable
from clipseek.testing import MemoryCatalog
from clipseek.thumbnails import BucketThumbnails, Thumbnails, UnsafeName
from tests.contracts import azure, s3
from tests.contracts.catalogs import a_video
from tests.contracts.test_index_store import NAME, block_of, filled


@pytest.fixture(scope="module", params=["s3", "azure"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return where an empty bucket is, of a server of each kind."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "s3":
            with s3.serving() as server:
                s3.lead_to(server.endpoint, patch)
                server.empty()
                yield f"s3://{s3.BUCKET}/published"
        else:
            with azure.serving() as other:
                azure.lead_to(other, patch)
                other.empty()
                yield f"az://{azure.CONTAINER}/published"


@pytest.fixture
def root(url: str, tmp_path: Path) -> str:
    """Return an empty folder in the bucket."""
    return f"{url}/{tmp_path.name}"


def store_at(root: str, local: Path) -> BucketStore:
    """Return the store of a machine with a folder of its own."""
    return BucketStore(lambda: root, local)


def names(root: str) -> set[str]:
    """Return the snapshots whose objects are there."""
    listed = buckets.Folder(root).list(NAME)
    return {each.name.split("/")[1] for each in listed} - {"current"}


def publish(store: BucketStore, catalog: MemoryCatalog) -> None:
    """Publish what is in a catalog, without a look at what is published."""
    rows, vectors = SegmentTable.of(iter([block_of(catalog)]), block_of(catalog).vectors.shape[1])
    collection = catalog.collection(NAME)
    past = history(catalog, NAME, collection.version)
    store.publish(NAME, collection, rows, vectors, history=past)


def test_of_two_builders_on_two_machines_one_is_refused(root: str, tmp_path: Path) -> None:
    """The one that publishes last, for a first index and for a later one; it leaves nothing."""
    one, other = store_at(root, tmp_path / "one"), store_at(root, tmp_path / "other")
    catalog = filled()
    for _ in range(2):
        with one.building(NAME), other.building(NAME):
            publish(one, catalog)
            before, there = other.pointer(NAME), names(root)
            with pytest.raises(ServiceUnavailable, match="another builder has published"):
                publish(other, catalog)
        assert other.pointer(NAME) == before
        assert names(root) == there
        assert one.damage(NAME) == []


def test_a_snapshot_is_fetched_once(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later ones that open it read it from the disk; what is damaged there is fetched again."""
    build(filled(), store_at(root, tmp_path / "builder"), NAME)
    fetched: list[str] = []
    blocks: Callable[[buckets.Folder, str], Iterator[bytes]] = buckets.Folder.blocks

    def noted(folder: buckets.Folder, name: str) -> Iterator[bytes]:
        fetched.append(name.rpartition("/")[2])
        return blocks(folder, name)

    monkeypatch.setattr(buckets.Folder, "blocks", noted)
    for _ in range(2):
        found = store_at(root, tmp_path / "reader").open(NAME)
        assert found is not None
    assert sorted(fetched) == ["index.faiss", "manifest.json", "segments.npz"]
    (table,) = (tmp_path / "reader").rglob("segments.npz")
    table.write_bytes(table.read_bytes()[:-1])
    assert store_at(root, tmp_path / "reader").open(NAME) is not None
    assert len(fetched) == 6


def test_what_is_fetched_is_compared_with_its_sum(root: str, tmp_path: Path) -> None:
    """A file of the same size with other bytes is not searched, and not kept."""
    build(filled(), store_at(root, tmp_path / "builder"), NAME)
    bucket = buckets.Folder(root)
    (index,) = (each.name for each in bucket.list(NAME) if each.name.endswith("index.faiss"))
    content = bytearray(bucket.get(index))
    content[-1] ^= 1
    bucket.put(index, bytes(content))
    with pytest.raises(ServiceUnavailable, match=r"index\.faiss is not as it was written"):
        store_at(root, tmp_path / "reader").open(NAME)
    assert list((tmp_path / "reader" / NAME).glob("snapshot-*")) == []


def test_a_store_that_is_away_is_not_a_damaged_snapshot(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said what it is, and the next look fetches again; a file that is gone is damage."""
    build(filled(), store_at(root, tmp_path / "builder"), NAME)
    reader, blocks = store_at(root, tmp_path / "reader"), buckets.Folder.blocks

    def cut(folder: buckets.Folder, name: str) -> Iterator[bytes]:
        for block in blocks(folder, name):
            yield block[:-1]
            raise OSError(5, "the object store does not answer", name)

    with monkeypatch.context() as patch:
        patch.setattr(buckets.Folder, "blocks", cut)
        offer = Offer.of(reader, NAME)
    assert offer.found is None
    assert "cannot be fetched now: the object store does not answer" in offer.note
    assert "damaged" not in offer.note
    assert seen(reader, NAME) != offer.seen
    found = Offer.of(reader, NAME)
    assert found.found is not None
    assert seen(reader, NAME) == found.seen
    bucket = buckets.Folder(root)
    bucket.delete([each.name for each in bucket.list(NAME) if each.name.endswith("index.faiss")])
    broken = Offer.of(store_at(root, tmp_path / "other"), NAME)
    assert "is damaged: index.faiss cannot be read" in broken.note
    assert seen(reader, NAME) == broken.seen


def test_older_snapshots_are_deleted(root: str, tmp_path: Path) -> None:
    """All but the last and the one before, which readers may fetch just now; so it is on disks."""
    builder, reader = store_at(root, tmp_path / "a"), store_at(root, tmp_path / "b")
    catalog, seen = filled(), []
    for video_id in "cdef":
        a_video(video_id).put_into(catalog)
        build(catalog, builder, NAME)
        found = reader.open(NAME)
        assert found is not None
        seen.append(found.name)
    assert names(root) == set(seen[-2:])
    for local in ("a", "b"):
        assert {p.name for p in (tmp_path / local / NAME).glob("s*")} == set(seen[-2:])


@pytest.mark.parametrize("at", [1, 3])
def test_a_store_that_fails_leaves_no_half_snapshot(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """A full one, for example: a sentence, the old snapshot, and nothing of the new one."""
    store, catalog = store_at(root, tmp_path), filled()
    before = build(catalog, store, NAME)
    there = names(root)
    a_video("c").put_into(catalog)
    put, count = buckets.Folder.put, iter(range(1, 100))

    def failing(folder: buckets.Folder, name: str, content: bytes | Path) -> str:
        if next(count) == at:
            raise OSError(5, "the object store answered 507", name)
        return put(folder, name, content)

    with monkeypatch.context() as patched:
        patched.setattr(buckets.Folder, "put", failing)
        with pytest.raises(ServiceUnavailable, match=r"answered 507.*run `indexer build`"):
            build(catalog, store, NAME)
    assert store.manifest(NAME) == before
    assert names(root) == there
    assert list((tmp_path / NAME).glob(".making*")) == []
    assert build(catalog, store, NAME).version == 3


@pytest.mark.parametrize("told", [False, None], ids=["refused", "lost"])
def test_a_pointer_whose_answer_is_lost_still_names_files(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: bool | None
) -> None:
    """Sent twice, the second request is refused because of the first; or no answer comes."""
    store, catalog = store_at(root, tmp_path), filled()
    build(catalog, store, NAME)
    a_video("c").put_into(catalog)
    replace = buckets.Folder.replace

    def losing(folder: buckets.Folder, name: str, content: bytes, tag: str | None) -> bool:
        assert replace(folder, name, content, tag)
        if told is None:
            raise OSError(5, "the object store does not answer", name)
        return told

    with monkeypatch.context() as patched:
        patched.setattr(buckets.Folder, "replace", losing)
        if told is None:
            with pytest.raises(ServiceUnavailable, match="does not answer"):
                build(catalog, store, NAME)
        else:
            assert build(catalog, store, NAME).version == 3
    found = store_at(root, tmp_path / "reader").open(NAME)
    assert found is not None
    assert found.manifest.version == 3
    assert store.damage(NAME) == []


def test_a_bucket_that_is_not_there_is_not_an_empty_one(url: str, tmp_path: Path) -> None:
    """Or else a wrong name would look as if nothing were published."""
    nowhere = f"{url.partition('://')[0]}://nowhere/a"
    with pytest.raises(ServiceUnavailable, match="no such bucket; check its name"):
        store_at(nowhere, tmp_path).pointer(NAME)
    with pytest.raises(ServiceUnavailable, match="no such bucket; check its name"):
        build(filled(), store_at(nowhere, tmp_path), NAME)


def test_a_local_folder_that_cannot_be_written_is_told(root: str, tmp_path: Path) -> None:
    """A reader needs one, too."""
    build(filled(), store_at(root, tmp_path / "builder"), NAME)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ServiceUnavailable, match=r"by way of .*file"):
        store_at(root, tmp_path / "file").open(NAME)


def jpeg(shade: int) -> bytes:
    """Return some bytes that look like a picture."""
    return b"\xff\xd8" + bytes([shade]) * 10 + b"\xff\xd9"


def test_thumbnails_are_objects_by_the_names_of_files(root: str, tmp_path: Path) -> None:
    """Written one by one or all of a video; read, missed and removed as files are."""
    stored, files = BucketThumbnails(lambda: root), Thumbnails(tmp_path)
    name = stored.write("default", "abcd", 1.5, jpeg(1))
    assert files.write("default", "abcd", 1.5, jpeg(1)) == name
    several = {f"default/ab/abcd/00000{n:04}-{n:012x}.jpg": jpeg(n) for n in range(40)}
    stored.store_all(several)
    files.store_all(several)
    other = stored.write("other", "ab", 1.0, jpeg(9))
    for each in [name, *several]:
        assert stored.read(each) == files.read(each)
    gone = "default/ab/abcd/000000001-000000000000.jpg"
    assert list(stored.missing(iter([name, gone, other]))) == [gone]
    with pytest.raises(ServiceUnavailable, match="indexer verify") as raised:
        stored.read(gone)
    assert isinstance(raised.value.__cause__, FileNotFoundError)
    for unsafe in ("../secret.jpg", "default/../../s.jpg", "/etc/s.jpg", "a//b.jpg", "a\0.jpg"):
        with pytest.raises(ServiceUnavailable) as raised:
            stored.read(unsafe)
        assert isinstance(raised.value.__cause__, UnsafeName)
    with pytest.raises(ServiceUnavailable, match="outside the folder"):
        stored.remove("..")
    stored.remove("default")
    assert list(stored.missing(iter([name, *several, other]))) == [name, *several]


def test_sweep_takes_old_objects_that_no_row_names(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A young one may belong to a video that is about to be committed."""
    stored = BucketThumbnails(lambda: root)
    named, unnamed = (stored.write("c", "ab", at, jpeg(1)) for at in (1.0, 2.0))
    assert stored.sweep("c", {named}) == 0
    monkeypatch.setattr(thumbnails, "SWEEP_AGE_S", -3600.0)
    assert stored.sweep("c", {named}) == 1
    assert list(stored.missing(iter([named, unnamed]))) == [unnamed]


def test_thumbnails_of_a_bucket_that_is_not_there_are_told(url: str) -> None:
    """What is done with them says what to check."""
    stored = BucketThumbnails(lambda: f"{url.partition('://')[0]}://nowhere/a")
    uses: list[Callable[[], object]] = [
        lambda: stored.store_all({"c/ab/ab/1-1.jpg": jpeg(1)}),
        lambda: list(stored.missing(iter(["c/ab/ab/1-1.jpg"]))),
        lambda: stored.sweep("c", set()),
        lambda: stored.remove("c"),
        lambda: stored.read("c/ab/ab/1-1.jpg"),
    ]
    for use in uses:
        with pytest.raises(ServiceUnavailable, match="no such bucket; check its name"):
            use()


def test_a_replica_fetches_its_own_shards(root: str, tmp_path: Path) -> None:
    """For a peer that asks before any search does; what others search stays in the bucket."""
    builder = BucketStore(lambda: root, tmp_path / "builder", shards=2)
    manifest = build(filled(videos="abcdefg"), builder, NAME, spool=tmp_path / "spool")
    peers = Peers({2: "http://127.0.0.1:9"}, secret="x" * 16, deadline_s=1.0)
    serving = Serving(frozenset({1}), peers)
    reader = BucketStore(lambda: root, tmp_path / "reader", serving=serving)
    held = reader.shard(NAME, digests(manifest)[1])
    assert held is not None
    assert (held.number, len(held.index)) == (1, manifest.shards[0].count)
    (fetched,) = (tmp_path / "reader" / NAME).glob("snapshot-*")
    assert {path.name for path in fetched.iterdir()} == {
        *("manifest.json", "segments.npz", "shard-1-of-2.faiss")
    }
    assert reader.shard(NAME, digests(manifest)[2]) is None
    peers.close()
