"""Setting: the detector that the settings name. Child processes need no settings to import."""

from clipseek.config import PREFIX, Settings
from clipseek.errors import ConfigError
from clipseek.redaction.chosen import Chosen


def chosen_of(settings: Settings) -> Chosen | None:
    """Return the detector that the settings name, or None.

    Raises:
        ConfigError: the settings name classes, and no detector.
    """
    classes = settings.redact_classes or ()
    if settings.redact_detector is not None:
        return Chosen(str(settings.redact_detector), classes)
    if classes:
        raise ConfigError(
            f"{PREFIX}REDACT_CLASSES is {','.join(classes)}, and no detector is set; set "
            f"{PREFIX}REDACT_DETECTOR to its ONNX file"
        )
    return None
