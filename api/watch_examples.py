"""The examples of watches and alerts in the OpenAPI document."""

import json
from typing import Any

WATCH_ID = "s8Qk2vT0pXh3cLwA"
ALERT_ID = "Yw1nT5rBz0uKqEoM"
_VIDEO_ID = "3b1f0a52c7d94e6886a1f2d03c5be917"

WATCH: dict[str, Any] = {
    "name": "Red car at the gate",
    "query": "a red car at a gate",
    "threshold": 0.62,
    "cameras": ["gate"],
    "hours": {"days": ["mon", "tue"], "start": "22:00", "end": "06:00", "zone": "Europe/Vienna"},
    "cooldown": 60,
    "webhook": {"url": "https://alarms.example/clipseek"},
}
WATCH_ANSWER: dict[str, Any] = {
    "id": WATCH_ID,
    "name": "Red car at the gate",
    "collection": "default",
    "described": "a red car at a gate",
    "parts": [{"weight": 1.0, "text": "a red car at a gate", "like": None, "picture": False}],
    "then": [],
    "fields": ["picture", "subtitle", "speech", "text", "object"],
    "threshold": 0.62,
    "margin": 0.1,
    "cameras": ["gate"],
    "hours": {"days": ["mon", "tue"], "start": "22:00", "end": "06:00", "zone": "Europe/Vienna"},
    "cooldown": 60.0,
    "keeps": False,
    "webhook": {"url": "https://alarms.example/clipseek", "secret": None},
    "on": True,
    "by": "anonymous",
    "created_at": "2026-11-29T10:15:00Z",
}
MADE_ANSWER: dict[str, Any] = {
    **WATCH_ANSWER,
    "webhook": {
        "url": "https://alarms.example/clipseek",
        "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwPl4sVxQ0b1c=",
    },
}
WATCHES_ANSWER = {"watches": [WATCH_ANSWER]}
EDIT = {"threshold": 0.7, "on": True}
_MOMENT: dict[str, Any] = {
    "collection": "default",
    "video_id": _VIDEO_ID,
    "camera": "gate",
    "start": 42.0,
    "end": 47.5,
    "best_time": 44.0,
    "start_at": "2026-11-29T22:40:42.000Z",
    "end_at": "2026-11-29T22:40:47.500Z",
    "relevance": 0.93,
    "thumbnail_url": f"/v1/alerts/{ALERT_ID}/thumbnail",
    "play_url": f"/v1/videos/{_VIDEO_ID}/file?collection=default#t=42,47.5",
}
ALERT_ANSWER: dict[str, Any] = {
    **_MOMENT,
    "id": ALERT_ID,
    "watch": WATCH_ID,
    "watch_name": "Red car at the gate",
    "keeps": False,
    "created_at": "2026-11-29T22:40:44Z",
    "delivery": "delivered",
    "attempts": 1,
    "reason": "",
}
ALERTS_ANSWER = {"alerts": [ALERT_ANSWER], "next": ALERT_ID}
EVENTS = f"retry: 2000\n\nid: 17\nevent: alert\ndata: {json.dumps(ALERT_ANSWER)}\n\n"
TRIAL = {"query": "a red car at a gate", "days": 7, "alerts_per_day": 3}
TRIAL_ANSWER: dict[str, Any] = {
    "days": 7.0,
    "videos": 2016,
    "alerts": 14,
    "alerts_per_day": 2.0,
    "moments": [
        {
            **_MOMENT,
            "thumbnail_url": f"/v1/videos/{_VIDEO_ID}/thumbnail?collection=default&at=44.000",
        }
    ],
    "proposed": {"threshold": 0.4817, "alerts": 20, "alerts_per_day": 2.857},
}
