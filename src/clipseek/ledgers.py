"""The tables beside the library: jobs, switches of models and the audit, opened by the settings."""

from clipseek.catalog.audit import SqlAudit
from clipseek.catalog.jobs import SqlJobReader, SqlJobs
from clipseek.catalog.switches import SqlSwitches
from clipseek.config import Settings


def open_job_reader(settings: Settings) -> SqlJobReader:
    """Return what reads jobs, by SELECT alone; it connects when it is used."""
    return SqlJobReader.open(settings.catalog_url)


def open_jobs(settings: Settings) -> SqlJobs:
    """Return the queue of jobs; its database is not connected to before the first use."""
    return SqlJobs.open(settings.catalog_url)


def open_switches(settings: Settings) -> SqlSwitches:
    """Return what begins and ends switches of models; nothing is connected to before its use."""
    return SqlSwitches.open(settings.catalog_url)


def open_audit(settings: Settings, *, read_only: bool = False) -> SqlAudit:
    """Return the audit; it connects when it is used."""
    return SqlAudit.open(settings.catalog_url, read_only=read_only)
