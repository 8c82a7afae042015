"""Beside the library in its database: jobs, watches, tags by rules, audit, and how late it is."""

from clipseek.catalog.audit import SqlAudit
from clipseek.catalog.cameras import SqlCameraReader, SqlCameras
from clipseek.catalog.curating import SqlCurating, SqlCuratingReader
from clipseek.catalog.drifts import SqlDriftReader, SqlDrifts
from clipseek.catalog.feeds import SqlFeeds
from clipseek.catalog.jobs import SqlJobReader, SqlJobs
from clipseek.catalog.retaining import SqlRetaining
from clipseek.catalog.standby import Standby
from clipseek.catalog.switches import SqlSwitches
from clipseek.catalog.watches import SqlWatches, SqlWatchReader
from clipseek.catalog.wishes import SqlWishes
from clipseek.config import Settings


def open_job_reader(settings: Settings) -> SqlJobReader:
    """Return what reads jobs, by SELECT alone; it connects when it is used."""
    return SqlJobReader.open(settings.catalog_url)


def open_jobs(settings: Settings) -> SqlJobs:
    """Return the queue of jobs; its database is not connected to before the first use."""
    return SqlJobs.open(settings.catalog_url)


def open_watch_reader(settings: Settings) -> SqlWatchReader:
    """Return what reads watches and alerts, by SELECT alone; it connects when it is used."""
    return SqlWatchReader.open(settings.catalog_url)


def open_watches(settings: Settings) -> SqlWatches:
    """Return the watches to change them; their database is not connected to before its use."""
    return SqlWatches.open(settings.catalog_url)


def open_curating_reader(settings: Settings) -> SqlCuratingReader:
    """Return what reads rules, tags on segments and decisions; it connects when it is used."""
    return SqlCuratingReader.open(settings.catalog_url)


def open_curating(settings: Settings) -> SqlCurating:
    """Return rules, tags on segments and decisions to change them; it connects when it is used."""
    return SqlCurating.open(settings.catalog_url)


def open_drift_reader(settings: Settings) -> SqlDriftReader:
    """Return what reads measured weeks, by SELECT alone; it connects when it is used."""
    return SqlDriftReader.open(settings.catalog_url)


def open_drifts(settings: Settings) -> SqlDrifts:
    """Return measured weeks, to add some; it connects when it is used."""
    return SqlDrifts.open(settings.catalog_url)


def open_camera_reader(settings: Settings) -> SqlCameraReader:
    """Return what reads cameras, by SELECT alone; it connects when it is used."""
    return SqlCameraReader.open(settings.catalog_url)


def open_cameras(settings: Settings) -> SqlCameras:
    """Return the cameras; their database is not connected to before the first use."""
    return SqlCameras.open(settings.catalog_url)


def open_feeds(settings: Settings) -> SqlFeeds:
    """Return the feeds of webcams; their database is not connected to before the first use."""
    return SqlFeeds.open(settings.catalog_url)


def open_retaining(settings: Settings) -> SqlRetaining:
    """Return the holds and what retention looks at; it connects when it is used."""
    return SqlRetaining.open(settings.catalog_url)


def open_wishes(settings: Settings) -> SqlWishes:
    """Return the spans that are wanted of other machines; it connects when it is used."""
    return SqlWishes.open(settings.catalog_url)


def open_switches(settings: Settings) -> SqlSwitches:
    """Return what begins and ends switches of models; nothing is connected to before its use."""
    return SqlSwitches.open(settings.catalog_url)


def open_standby(settings: Settings) -> Standby:
    """Return what asks how far the catalog is behind; it connects when it is used."""
    return Standby.open(settings.catalog_url)


def open_audit(settings: Settings, *, read_only: bool = False) -> SqlAudit:
    """Return the audit; it connects when it is used."""
    return SqlAudit.open(settings.catalog_url, read_only=read_only)
