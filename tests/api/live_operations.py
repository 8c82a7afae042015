"""What tenants ask of cameras, holds, watches and alerts, and of parts that they send."""

from hypothesis import strategies as st

from tests.api.live_tenants import CAMERA_URL, END, PART, START
from tests.api.tenant_requests import (
    in_collection,
    limits,
    names,
    reading,
    repeats,
    requests,
    sentences,
    some,
    uploads,
    videos,
)
from tests.api.tenants import Asked

foreign_cameras = st.sampled_from(("door", "gate", "shed", "none"))
cameras = st.one_of(st.sampled_from(("yard", "hall", "yard-2")), foreign_cameras)
holds = st.sampled_from(("yard-hold", "hall-hold", "door-hold", "gate-hold", "none"))
watches = st.sampled_from(
    ("mine-watch-1", "mine-watch-2", "theirs-watch-1", "default-watch-1", "min-watch-2", "none")
)
alerts = st.sampled_from(
    ("mine-alert-1", "mine-alert-2", "theirs-alert-1", "default-alert-2", "min-alert-1", "none")
)
hooks = st.sampled_from((None, {"url": "https://a.example/b"}))
query = {
    "query": sentences,
    "threshold": st.sampled_from((0.1, 0.9)),
}
watched = st.lists(cameras, min_size=1, max_size=2)

STAYING = frozenset({"yard", "yard-hold", "mine-watch-1"})
"""What no request removes, so that the others find something in whatever order they run."""


def removing(path: str, ids: st.SearchStrategy[str]) -> st.SearchStrategy[Asked]:
    """Draw a request that removes something, or nothing."""
    return requests("DELETE", path, ids=ids.filter(lambda name: name not in STAYING))


LIVE_OPERATIONS: dict[str, st.SearchStrategy[Asked]] = {
    "GET /v1/cameras": requests("GET", "/v1/cameras"),
    "POST /v1/cameras": requests(
        "POST",
        "/v1/cameras",
        body=some({"name": cameras, "url": st.just(CAMERA_URL)}, collection=names),
    ),
    "GET /v1/cameras/{name}": requests("GET", "/v1/cameras/ID", ids=cameras),
    "GET /v1/cameras/{name}/live": requests("GET", "/v1/cameras/ID/live", ids=cameras),
    "GET /v1/cameras/{name}/thumbnail": reading("/v1/cameras/ID/thumbnail", cameras),
    # A test of one that is there begins a process.
    "POST /v1/cameras/{name}/test": requests("POST", "/v1/cameras/ID/test", ids=foreign_cameras),
    "POST /v1/cameras/test": requests(
        "POST",
        "/v1/cameras/test",
        body=st.just({"url": "rtsp://198.51.100.7/none"}),  # a host that is not listed
    ),
    "POST /v1/cameras/{name}/feed": requests("POST", "/v1/cameras/ID/feed", ids=cameras),
    "PATCH /v1/cameras/{name}": requests(
        "PATCH",
        "/v1/cameras/ID",
        ids=cameras,
        body=some({}, paused=st.booleans(), fps=st.sampled_from((1.0, None, -1.0))),
    ),
    "GET /v1/holds": requests("GET", "/v1/holds"),
    "POST /v1/holds": requests(
        "POST",
        "/v1/holds",
        body=some(
            {"camera": cameras, "end_at": st.sampled_from((START, END)), "reason": st.just("b")}
            | {"start_at": st.just(START)}
        ),
    ),
    "DELETE /v1/holds/{hold_id}": removing("/v1/holds/ID", holds),
    "DELETE /v1/cameras/{name}": requests(
        "DELETE",
        "/v1/cameras/ID",
        ids=cameras.filter(lambda name: name not in STAYING),
        params=some({}, recordings=st.just("true")),
    ),
    "GET /v1/watches": requests("GET", "/v1/watches", params=in_collection),
    "POST /v1/watches": requests(
        "POST",
        "/v1/watches",
        body=some(
            {"name": st.just("b"), **query}, collection=names, cameras=watched, webhook=hooks
        ),
    ),
    "POST /v1/watches/test": requests(
        "POST",
        "/v1/watches/test",
        body=some(
            query, collection=names, cameras=watched, alerts_per_day=st.sampled_from((1.0, 50.0))
        ),
    ),
    "GET /v1/watches/{watch_id}": requests("GET", "/v1/watches/ID", ids=watches),
    "PATCH /v1/watches/{watch_id}": requests(
        "PATCH",
        "/v1/watches/ID",
        ids=watches,
        body=some({}, on=st.booleans(), cameras=watched, webhook=hooks),
    ),
    "GET /v1/alerts": requests(
        "GET",
        "/v1/alerts",
        params=some({}, collection=names, watch=watches, after=alerts, limit=limits),
    ),
    "GET /v1/alerts/stream": requests(
        "GET",
        "/v1/alerts/stream",
        params=some({}, collection=names, watch=watches),
        headers=st.sampled_from(({}, {"Last-Event-ID": "0"}, {"Last-Event-ID": "x"})),
    ),
    "GET /v1/alerts/{alert_id}": requests("GET", "/v1/alerts/ID", ids=alerts),
    "GET /v1/alerts/{alert_id}/thumbnail": reading("/v1/alerts/ID/thumbnail", alerts),
    "DELETE /v1/watches/{watch_id}": removing("/v1/watches/ID", watches),
    "GET /v1/parts/videos": requests(
        "GET", "/v1/parts/videos", params=some({}, collection=names, after=videos)
    ),
    "GET /v1/parts/wanted": requests(
        "GET", "/v1/parts/wanted", params=some({}, collection=names, wait=st.just("0"))
    ),
    "POST /v1/parts/wanted/{wish_id}": requests(
        "POST",
        "/v1/parts/wanted/ID",
        ids=st.sampled_from(("0" * 32, "f" * 32, "x")),
        body=some({"why": st.just("gone")}, collection=names),
    ),
    "POST /v1/parts": requests(
        "POST",
        "/v1/parts",
        headers=repeats,
        body=some(
            {**{name: st.just(value) for name, value in PART.items()}, "upload": uploads},
            collection=names,
        ),
    ),
}
