"""The examples of cameras in the OpenAPI document."""

from typing import Any

NEW_CAMERA: dict[str, Any] = {
    "name": "yard",
    "url": "rtsp://viewer:password@192.168.7.20/live",
    "fps": 2.0,
    "records": True,
    "retain_s": 604800.0,
    "retain_bytes": 100000000000,
}
CAMERA_EDIT: dict[str, Any] = {"fps": 1.0, "retain_bytes": None}
CAMERA_ANSWER: dict[str, Any] = {
    "name": "yard",
    "collection": "default",
    "address": "rtsp://192.168.7.20/live",
    "webcam": False,
    "fps": 2.0,
    "records": True,
    "retain_s": 604800.0,
    "retain_bytes": 100000000000,
    "paused": False,
    "created_at": "2025-03-02T10:15:01Z",
    "state": "live",
    "reason": "",
    "fps_in": 25.0,
    "received": 15000,
    "decoded": 1200,
    "dropped": 3,
    "embedded": 1180,
    "delay_p50_s": 0.6,
    "delay_p95_s": 1.4,
    "reconnects": 0,
    "last_frame_at": "2025-03-02T10:25:01.480Z",
    "state_at": "2025-03-02T10:25:02Z",
}
CAMERAS_ANSWER: dict[str, Any] = {"cameras": [CAMERA_ANSWER]}
NEW_HOLD: dict[str, Any] = {
    "camera": "yard",
    "start_at": "2025-03-02T10:00:00Z",
    "end_at": "2025-03-02T10:30:00Z",
    "reason": "case 17",
}
HOLD_ANSWER: dict[str, Any] = {
    "id": "3kZ0aYtq8wXf",
    **NEW_HOLD,
    "by": "ann",
    "created_at": "2025-03-03T08:00:00Z",
}
HOLDS_ANSWER: dict[str, Any] = {"holds": [HOLD_ANSWER]}
TEST_ANSWER: dict[str, Any] = {
    "works": True,
    "reason": "",
    "coding": "rtsp h264 yuv420p aac",
    "rate": 25.0,
    "width": 1280,
    "height": 720,
    "picture": "/9j/4AAQSkZJRgABAQAAAQABAAD/2Q==",
}
CAMERA_TEST: dict[str, Any] = {"url": "rtsp://viewer:password@192.168.7.20/live"}
FEED_ANSWER = {
    "path": "v1/feeds",
    "protocols": ["clipseek-feed", "3q2-7w_5sY0kR1mN8vB4xT6zP9cD2fG7hJ5lQ1wE0aU"],
    "valid_s": 30.0,
}
