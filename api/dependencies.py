"""What endpoints are given: the parts of the application that it was made with."""

from typing import Annotated, Any

from fastapi import Depends, Request

from api.alert_streams import AlertStreams
from api.cutter import Cutter
from api.following import Following
from api.lists import Lists
from api.live_streams import LiveStreams
from api.looking import Looking
from api.receiving import Receiving
from api.redacting import Redacting
from api.suggestions import Suggestions
from api.trials import Trials
from api.wishing import Wishing
from clipseek.audit import History
from clipseek.curating import Curating, CuratingReader
from clipseek.feeds import FeedStore
from clipseek.holds import Retaining
from clipseek.jobs import JobQueue, JobReader
from clipseek.metrics import Metrics
from clipseek.protocols import CameraReader, CameraStore
from clipseek.service import Service
from clipseek.sources.guard import Outgoing
from clipseek.watches import WatchReader, WatchStore


def _part(name: str) -> Any:
    """Return the dependency on what `create_app` has stored under a name."""

    async def stored(request: Request) -> Any:
        return getattr(request.app.state, name)

    return Depends(stored)


Opened = Annotated[Service, _part("service")]
Suggested = Annotated[Suggestions, _part("suggestions")]
Ordered = Annotated[Lists, _part("lists")]
Counted = Annotated[Metrics, _part("metrics")]
Received = Annotated[Receiving, _part("receiving")]
Listed = Annotated[JobReader, _part("jobs")]
"""Reads jobs, by SELECT alone."""
Queued = Annotated[JobQueue, _part("queue")]
"""Adds and cancels jobs; it is connected to its database when it is used."""
Past = Annotated[History, _part("history")]
"""Reads the ingests and jobs that have ended, by SELECT alone."""
CamerasRead = Annotated[CameraReader, _part("cameras")]
"""Reads cameras, by SELECT alone."""
CamerasKept = Annotated[CameraStore, _part("camera_store")]
"""Adds, changes and removes cameras; it is connected to its database when it is used."""
WebcamFeeds = Annotated[FeedStore, _part("feeds")]
"""Gives tickets to browsers that send; it is connected to its database when it is used."""
Held = Annotated[Retaining, _part("retaining")]
"""Reads and writes holds; it is connected to its database when it is used."""
Shown = Annotated[LiveStreams, _part("live_streams")]
"""Sends what cameras show now."""
Followed = Annotated[Following, _part("following")]
Watched = Annotated[WatchReader, _part("watch_reader")]
"""Reads watches and alerts, by SELECT alone."""
CuratingRead = Annotated[CuratingReader, _part("curating")]
"""Reads rules, tags and decisions; reading needs no right but SELECT."""
CuratingChanged = Annotated[Curating, _part("curating")]
"""Stores decisions; it is connected to its database when it is used."""
WatchesChanged = Annotated[WatchStore, _part("watches")]
"""Adds, changes and removes watches; it is connected to its database when it is used."""
Streaming = Annotated[AlertStreams, _part("alert_streams")]
Tried = Annotated[Trials, _part("trials")]
Looked = Annotated[Looking, _part("looking")]
Sending = Annotated[Outgoing, _part("outgoing")]
"""Says where alerts may be sent."""
Cutting = Annotated[Cutter, _part("cutter")]
Wished = Annotated[Wishing, _part("wishing")]
"""Finds and asks for spans of videos whose files are at other machines."""
Redacted = Annotated[Redacting, _part("redacting")]
"""Says which collections are redacted, and blurs their pictures."""
