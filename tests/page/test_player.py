"""The player in a real browser."""

import io
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from api.app import create_app
from api.redacting import Redacting
from clipseek.catalog import SqlCatalog
from clipseek.catalog.redactions import SqlRedactionReader, SqlRedactions
from clipseek.redaction import Redactor
from clipseek.testing import MemoryCatalog, ToyEmbedder
from clipseek.testing.finder import MarkFinder
from tests.api.browser import Page
from tests.api.library import Library
from tests.api.server import serving
from tests.contracts import videos
from tests.contracts.videos import Plan, rgb_frame
from tests.page.looking import ACTIVE, CARD, COLOURS, TITLES, VIDEO, ask, video, violations

CLOCKWISE = [0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30]
"""A display matrix (ISO/IEC 14496-12, 8.2.2.3) by which the left side is shown on top."""
COLOUR = f"""(() => {{
  const canvas = document.createElement("canvas");
  canvas.width = 36; canvas.height = 64;
  const context = canvas.getContext("2d");
  context.drawImage({VIDEO}, 0, 0);
  return [...context.getImageData(18, Y, 1, 1).data].slice(0, 3);
}})()"""


def test_a_moment_plays_and_stops_at_its_end(page: Page, address: str) -> None:
    """Play on goes past it, and Escape leads back to the card."""
    ask(page, address, "red")
    page.press("ArrowDown")
    page.press("Enter")
    page.until("document.getElementById('play-on')?.classList.contains('primary')")
    assert page.run(f"{VIDEO}.paused")
    assert 2 <= page.run(f"{VIDEO}.currentTime") < 2.3
    page.run("document.getElementById('play-on').focus()")
    page.press("Enter")
    page.until(f"{VIDEO}.currentTime > 3")
    assert page.run(f"{ACTIVE}.id") == "play-on"
    page.press("Escape")
    page.until("!document.getElementById('player')")
    page.until(f"{ACTIVE}.classList.contains('card')")
    assert page.problems == []


def test_the_keys_of_the_player(page: Page, address: str) -> None:
    """Pause, a second, a frame, loop, again, help; the arrows lead to other moments."""
    ask(page, address, "blue&v=traffic&t=4,6")
    page.until(f"{VIDEO}?.currentTime > 4 && !{VIDEO}.paused")
    page.press(" ")
    page.until(f"{VIDEO}.paused")
    before = page.run(f"{VIDEO}.currentTime")
    page.press(".")
    page.until(f"!{VIDEO}.seeking && {VIDEO}.currentTime > {before}")
    assert page.run(f"{VIDEO}.currentTime") - before < 0.2
    page.press("j")
    page.until(f"{VIDEO}.currentTime < {before} - 0.7")
    page.press("r")
    page.until("document.getElementById('loop').getAttribute('aria-pressed') === 'true'")
    page.press("a")
    page.until(f"{VIDEO}.currentTime >= 4 && !{VIDEO}.paused")
    page.press("?")
    page.until("document.getElementById('help')?.open")
    page.press("Escape")
    page.until("!document.getElementById('help')")
    assert page.run("document.getElementById('player').open")
    title = page.run("document.getElementById('player-title').textContent")
    page.press("ArrowLeft")
    page.until(f"document.getElementById('player-title').textContent !== '{title}'")
    assert page.problems == []


def test_the_address_of_a_moment_opens_it_and_back_closes_it(page: Page, address: str) -> None:
    """Shared, it opens without the search; back leads to the moments and no further."""
    ask(page, address, "red")
    page.run(f"document.querySelector('{CARD}').click()")
    page.until("document.getElementById('player')?.open")
    shared = page.run("location.href")
    page.run("history.back()")
    page.until("!document.getElementById('player')")
    assert page.run("location.search") == "?q=red"
    assert page.run(TITLES)[0] == "traffic"
    page.open(shared.replace("q=red&", ""))
    page.until(f"{VIDEO}?.readyState > 0")
    assert page.run("document.getElementById('player-title').textContent") == "traffic"
    page.press("Escape")
    page.until("!document.getElementById('player')")
    assert page.run("location.search") == ""


def test_the_copied_time_is_the_one_that_is_said(page: Page, address: str) -> None:
    """It is where the player is at that moment, so the button does not name another time before."""
    ask(page, address, "blue&v=traffic&t=4,6")
    page.until(f"{VIDEO}?.currentTime > 4 && !{VIDEO}.paused")
    detail = page.run("document.querySelector('#player .dialog-head .quiet').textContent")
    assert detail.startswith("00:04.0–00:06.0 of 00:06.0")
    page.run(f"{VIDEO}.pause()")
    page.run(f"{VIDEO}.currentTime = 5.27")
    page.until(f"!{VIDEO}.seeking")
    page.run("navigator.clipboard.writeText = async (text) => { globalThis.copied = text; }")
    assert page.run("document.getElementById('copy-time').innerText") == "Copy time"
    page.run("document.getElementById('copy-time').click()")
    page.until("document.getElementById('copy-time').innerText === `Copied ${globalThis.copied}`")
    assert page.run("globalThis.copied") == "00:05.3"
    page.press("Escape")


def test_a_link_to_a_removed_video_says_so(page: Page, address: str) -> None:
    """The window does not seem to search for ever, and its advice is for who was sent a link."""
    page.open(f"{address}/?v=gone&t=4,6")
    page.until("document.querySelector('#player #notice')")
    title = page.run("document.getElementById('player-title').textContent")
    assert title == "This moment cannot be shown"
    assert "look for it in the list of videos" in page.run(
        "document.querySelector('#notice').innerText"
    )
    page.press("Escape")
    page.until("!document.getElementById('player')")


def test_a_card_plays_under_the_mouse(page: Page, address: str) -> None:
    """Without sound, only the moment, and only while the mouse is there."""
    ask(page, address, "blue")
    page.run("document.querySelector('.fold').click()")
    page.until("document.querySelector('#results li:nth-child(2) a.card')")
    page.point_until("#results li:nth-child(2) a.card", "document.querySelector('.preview')")
    page.until("document.querySelector('.preview')?.currentTime > 4")
    assert page.run("document.querySelector('.preview').muted")
    page.point(".brand")
    page.until("!document.querySelector('.preview')")


def test_a_video_that_is_gone_is_explained(page: Page, address: str, library: Library) -> None:
    """The player shows the server's sentence, and its buttons do nothing."""
    lost = library.folder / "storm.webm"
    kept = lost.with_suffix(".kept")
    ask(page, address, "blue&collection=archive")
    lost.rename(kept)
    page.run(f"document.querySelector('{CARD}').click()")
    page.until("document.getElementById('player-error')")
    kept.rename(lost)
    shown = page.run("document.getElementById('player-error').textContent")
    assert "does not exist any more" in shown
    assert str(library.folder) not in shown
    assert page.run("document.getElementById('again').getAttribute('aria-disabled')") == "true"
    page.press("Escape")


def test_the_line_shows_where_else_it_matches(page: Page, address: str) -> None:
    """The relevance over the whole video; a click leads there, and pointing shows the picture."""
    ask(page, address, "green&v=sea&t=2,4")
    page.until(f"{VIDEO}?.readyState > 1 && document.querySelector('.timeline path.mark')")
    page.until("document.querySelectorAll('.timeline .found').length === 1")
    page.point_until(
        ".timeline .found", "document.querySelector('.pointed')?.innerText.includes('99%')"
    )
    assert page.run("document.querySelector('.pointed img').src.includes('/thumbnail')")
    page.run("document.querySelector('.line').focus()")
    page.press("Home")
    page.until(f"{VIDEO}.currentTime < 1")
    page.until("document.querySelector('.line').getAttribute('aria-valuetext') < '00:01'")
    assert page.problems == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param("q=green&not=blue", "99%", id="words"),
        pytest.param("q=green&not=green", "", id="nothing"),
        pytest.param("q=green&then=blue&within=10", "99%", id="the first step"),
        pytest.param("q=&like=sea&at=3", None, id="a moment"),
    ],
)
def test_the_line_is_of_all_parts(page: Page, address: str, asked: str, found: str | None) -> None:
    """The sea is green from 2 to 4 s; what looks alike has a curve, and no percentage of it."""
    page.open(f"{address}/?{asked}&v=sea&t=2,4")
    page.until("document.querySelector('.timeline path.mark')")
    matching = 0 if found == "" else 1
    page.until(f"document.querySelectorAll('.timeline rect.found').length >= {matching}")
    if found == "":
        assert page.run("document.querySelectorAll('.timeline rect.found').length") == 0
        return
    shown = "document.querySelector('.pointed')?.innerText"
    page.point_until(".timeline .found", f"{shown}?.includes({found or ':'!r})")
    assert page.run(f"{shown}.includes('%')") == (found is not None)
    assert page.problems == []


def test_what_browsers_cannot_play_is_previewed_at_once(page: Page, tmp_path: Path) -> None:
    """The server knows it of an indexed video, so the file is not waited for until it fails."""
    made = Library(tmp_path, MemoryCatalog())
    content = video(["blue", "red"])  # which this browser could play, so it would not fail
    made.add("old.webm", ["blue", "red"], content=content, coding="avi mpeg4 yuv420p -")
    with serving(create_app(made.service())) as url:
        ask(page, url, "red")
        page.run(f"document.querySelector('{CARD}').click()")
        page.until("document.getElementById('preview-note')")
        page.until(f"{VIDEO}.src.includes('/preview?') && {VIDEO}.currentTime > 0.5")


def test_a_redacted_video_that_is_long_is_previewed(page: Page, tmp_path: Path) -> None:
    """Its file is refused; the page says with the results that something is blurred."""
    made = Library(tmp_path, MemoryCatalog())
    made.add("long.webm", ["red"] * 100, content=video(["blue", "red"]))
    url = f"sqlite:///{tmp_path / 'catalog.db'}"
    with closing(SqlCatalog.open(url)) as catalog:
        catalog.ensure_collection("default", "toy", ToyEmbedder.dim, ToyEmbedder.fingerprint)
    with closing(SqlRedactions.open(url)) as redactions:
        redactions.redact("default", ("faces",))
    app = create_app(made.service())
    app.state.redacting.close()
    reader = SqlRedactionReader.open(url)
    app.state.redacting = Redacting(reader, lambda _: Redactor([MarkFinder()]))
    with serving(app) as address:
        ask(page, address, "red")
        page.until("document.getElementById('redacted')?.innerText.includes('Faces are blurred')")
        page.run(f"document.querySelector('{CARD}').click()")
        asked = "performance.getEntriesByType('resource').some((e) => e.name.includes('/preview?'))"
        page.until(asked)


def test_what_the_browser_cannot_play_is_previewed(page: Page, tmp_path: Path) -> None:
    """The page says so, and the moment plays at its own time; it is downloaded as a file."""
    made = Library(tmp_path, MemoryCatalog())
    made.add("old.avi", ["blue", "red"], content=video(["blue", "red"], "avi", "mpeg4"))
    with serving(create_app(made.service())) as url:
        ask(page, url, "red")
        page.run(f"document.querySelector('{CARD}').click()")
        page.until("document.getElementById('preview-note')")
        page.until(f"{VIDEO}.videoWidth > 0 && {VIDEO}.currentTime > 0.5")
        times = "document.querySelector('.line').getAttribute('aria-valuenow')"
        page.until(f"Number({times}) > 2.5")
        page.call(
            "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path / "saved")
        )
        page.run("document.getElementById('cut').click()")
        got = "performance.getEntriesByType('resource').find((e) => e.name.includes('/clip?'))"
        page.until(f"{got}?.responseStatus === 200")
        page.until("!document.querySelector('#cut[aria-disabled]')")
        assert page.run("document.querySelector('.player-take .reason')") is None


def test_a_preview_is_upright_and_has_sound(page: Page, tmp_path: Path) -> None:
    """Of a video that is stored as lying on its side: red is on top, and the sound is decoded."""
    made = Library(tmp_path, MemoryCatalog())
    halves = np.zeros((36, 64, 3), np.uint8)
    halves[:, :32], halves[:, 32:] = COLOURS["red"], COLOURS["blue"]
    videos.write(
        tmp_path / "phone.mp4",
        Plan(shots=((4, videos.RED),)),
        frame=lambda _: rgb_frame(halves),
        codec="mpeg4",
        sound_s=4,
        prepare=lambda stream: stream.set_display_matrix(CLOCKWISE),
    )
    content = (tmp_path / "phone.mp4").read_bytes()
    made.add("phone.mp4", ["red", "blue"], content=content, coding="mov mpeg4 yuv420p aac")
    with serving(create_app(made.service())) as url:
        ask(page, url, "red")
        page.run(f"document.querySelector('{CARD}').click()")
        page.until(f"{VIDEO}?.src.includes('/preview?') && {VIDEO}.currentTime > 0.3")
        size = page.run(f"[{VIDEO}.videoWidth, {VIDEO}.videoHeight]")
        top, bottom = (page.run(COLOUR.replace("Y", str(y))) for y in (8, 56))
        page.until(f"{VIDEO}.webkitAudioDecodedByteCount > 0")
    assert size == [36, 64]
    np.testing.assert_allclose([top, bottom], [COLOURS["red"], COLOURS["blue"]], atol=12)


def test_the_player_shows_where_a_sentence_fits(page: Page, address: str, library: Library) -> None:
    """A map and a box over the picture, and the same in words; the video waits meanwhile."""
    pixels = np.full((48, 64, 3), 128, np.uint8)
    pixels[:24, :16] = COLOURS["blue"]
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=95)
    (path,) = library.folder.glob("thumbnails/default/se/sea/000000000-*.jpg")
    before = path.read_bytes()
    path.write_bytes(data.getvalue())
    shown = "document.getElementById('where-shown')"
    words = f"{shown}?.querySelector('figcaption').textContent"
    try:
        ask(page, address, "blue&v=sea&t=0,2")
        page.until("document.getElementById('where')")
        page.run("document.getElementById('where').click()")
        page.until(f"{words}?.includes('at the top left')")
    finally:
        path.write_bytes(before)
    assert page.run(f"{VIDEO}.paused")
    assert page.run(words).startswith("It fits best at the top left: from 0% to ")
    assert page.run(f"{shown}.querySelector('svg').getAttribute('aria-label')") == page.run(words)
    assert 6 <= page.run(f"{shown}.querySelectorAll('rect.heat').length") <= 20
    box = page.run(f"Number({shown}.querySelector('rect.box').getAttribute('width'))")
    assert 16 <= box <= 24  # of 64
    assert violations(page) == []
    page.run("document.getElementById('where').click()")
    page.until(f"!{shown}")
    page.press("ArrowRight")
    page.run("document.getElementById('where').click()")
    page.until(f"{words}?.includes('cannot be read')")
    assert [each for each in page.problems if "where" in each] == []


@pytest.mark.parametrize(
    ("also", "factor"),
    [
        pytest.param("not=red", "1", id="words"),
        pytest.param("unlike=traffic&at=1", "0.98", id="a moment"),
    ],
)
def test_the_player_says_how_each_part_fits(
    page: Page, address: str, also: str, factor: str
) -> None:
    """What is not wanted, too, with what it does to the whole."""
    page.open(f"{address}/?q=blue&{also}&v=sea&t=0,2")
    page.until("document.getElementById('where')")
    page.run("document.getElementById('where').click()")
    fits = "[...document.querySelectorAll('#where-shown .fits li')].map((each) => each.innerText)"
    page.until(f"{fits}.length === 2")
    wanted, unwanted = page.run(fits)
    assert wanted.startswith("blue: fits ")
    assert unwanted.startswith("without ")
    assert unwanted.endswith(f"so the whole is multiplied by {factor}")
    assert violations(page) == []


def test_what_looks_alike_has_no_place(page: Page, address: str) -> None:
    """Only a sentence is looked for in pictures, so there is no button without one."""
    page.problems.clear()
    page.open(f"{address}/?like=traffic&at=1&v=sea&t=0,2")
    page.until("document.getElementById('alike')")
    assert page.run("document.getElementById('where')") is None
