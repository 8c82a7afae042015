"""What tenants ask of rules, samples and decisions."""

from collections.abc import Mapping

from hypothesis import strategies as st

from tests.api.review_tenants import sample
from tests.api.tenant_requests import in_collection, limits, names, requests, sentences, some
from tests.api.tenants import Asked

samples = st.sampled_from(
    [
        *(sample(name, start) for name in ("mine", "theirs", "min") for start in (0.0, 1.0, 3.0)),
        "none",
    ]
)
rules = st.sampled_from(("red", "of mine", "of theirs", "none", ""))
lists = st.sampled_from(("list of mine", "list of theirs", "list of min", "none"))

REVIEW_OPERATIONS: Mapping[str, st.SearchStrategy[Asked]] = {
    "GET /v1/rules": requests("GET", "/v1/rules", params=in_collection),
    "GET /v1/samples": requests(
        "GET",
        "/v1/samples",
        params=some(
            {},
            collection=names,
            rule=rules,
            list=lists,
            show=st.sampled_from(("open", "second", "disputed", "all")),
            limit=limits,
        ),
    ),
    "POST /v1/decisions": requests(
        "POST",
        "/v1/decisions",
        body=some(
            {
                "sample": samples,
                "verdict": st.sampled_from(("accept", "reject", "correct", "skip", "undo")),
            },
            collection=names,
            label=st.one_of(sentences, st.just("sea")),
            seconds=st.sampled_from((1.0, -1.0)),
        ),
    ),
    "GET /v1/agreement": requests(
        "GET", "/v1/agreement", params=some({}, collection=names, rule=rules)
    ),
}
