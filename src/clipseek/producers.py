"""What reads the fields that are made of text, opened by the settings."""

from collections.abc import Callable

from clipseek.config import Settings
from clipseek.demo.sentences import LANGUAGE, grammar
from clipseek.embedding.models import DEMO
from clipseek.protocols import FrameSourceOpener
from clipseek.sources import Places
from clipseek.texts.ocr import open_reader
from clipseek.texts.producer import Producer
from clipseek.texts.recognising import SpokenText, WrittenText
from clipseek.texts.speech import Recogniser
from clipseek.texts.sphinx import open_sphinx
from clipseek.texts.subtitles import Subtitles
from clipseek.texts.whisper import open_voices, open_whisper
from clipseek.timed import SPEECH, SUBTITLE, TEXT, Field


def open_texts(
    settings: Settings, open_video: FrameSourceOpener, places: Places
) -> tuple[Producer, ...]:
    """Return what produces those fields of the settings that are made of text.

    Raises:
        ConfigError: a field needs an extra that is not installed, or a model that cannot be loaded.
    """
    makers: dict[Field, Callable[[], Producer]] = {
        SUBTITLE: lambda: Subtitles(open_video, places),
        SPEECH: lambda: _open_speech(settings, open_video),
        TEXT: lambda: WrittenText(open_video, open_reader(), max_cpu_s=settings.max_text_s),
    }
    return tuple(make() for field, make in makers.items() if field in settings.fields)


def _open_speech(settings: Settings, open_video: FrameSourceOpener) -> Producer:
    voices, name = open_voices(), settings.speech_model
    if name == DEMO:
        recogniser: Recogniser = open_sphinx(grammar(), LANGUAGE)
    else:
        recogniser = open_whisper(name)
    return SpokenText(open_video, voices, recogniser, model=name)
