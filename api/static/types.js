// The answers of the API, as far as the page reads them.

/**
 * @typedef {{id: string, uri: string, title: string, duration: number, indexed_at: string}} HitVideo
 * @typedef {object} Hit
 * @property {HitVideo} video
 * @property {number} segment_id
 * @property {number} start seconds
 * @property {number} end seconds
 * @property {number} best_time seconds
 * @property {number} score -1 to 1
 * @property {number | null} relevance 0 to 1; null if no sentence was asked for
 * @property {string | null} [camera] the camera that has recorded it
 * @property {string | null} [start_at] of a camera: when it began, RFC 3339
 * @property {string | null} [end_at] of a camera: when it ended
 * @property {number | null} [similar_to] the better moment that it is near-identical to
 * @property {HitStep[] | null} [steps] the moments that follow each other; null unless that was asked for
 * @property {number | null} [more_in_video] how many others of the video match, if one of each is asked for
 * @property {SegmentTag[]} [segment_tags] the tags on spans that it overlaps; missing if there are none
 * @property {HitField[]} [fields] what each field contributes; missing unless words were searched
 * @property {string} thumbnail_url
 * @property {string} play_url
 *
 * @typedef {{start: number, end: number}} HitStep seconds
 *
 * @typedef {object} SegmentTag a tag on a span
 * @property {string} tag
 * @property {number} relevance 0 to 1
 * @property {"proposed" | "accepted" | "corrected"} state
 *
 * @typedef {object} HitField
 * @property {"picture" | "subtitle" | "speech" | "text" | "object"} field
 * @property {number} relevance 0 to 1
 * @property {number} start seconds
 * @property {number} end seconds
 * @property {string} text plain text; the class of an object; empty for pictures
 * @property {number[][]} highlights from, and up to, in code points of the text
 * @property {ObjectPlace | null} [where] of an object
 *
 * @typedef {object} ObjectPlace where an object is in a frame, in fractions of its sides
 * @property {number} time seconds: which frame it is
 * @property {number} left
 * @property {number} top
 * @property {number} right
 * @property {number} bottom
 * @property {boolean} is_shown whether that frame is the thumbnail
 *
 * @typedef {object} Answer
 * @property {{video: HitVideo, start: number, end: number, best_time: number, thumbnail_url: string} | null} like
 * @property {number | null} alike_from score from which on a moment counts as alike; null for a sentence
 * @property {Hit[]} hits
 * @property {number} total
 * @property {number} total_videos
 * @property {boolean} more
 * @property {Counts | null} [facets] of the first page
 * @property {string | null} next_cursor
 * @property {string[]} [incomplete] shards that did not answer
 * @property {number | null} truncated_at
 * @property {boolean} stale
 * @property {number | null} age_s
 * @property {number} took_ms
 * @property {string} collection
 *
 * @typedef {{[kind in "tag" | "folder" | "year" | "language" | "segment_tag"]?: {values: ValueCount[], more: boolean}}} Counts
 * @typedef {{value: string, videos: number}} ValueCount
 *
 * @typedef {object} Video
 * @property {string} id
 * @property {string} uri
 * @property {string} title
 * @property {number} duration
 * @property {number} width
 * @property {number} height
 * @property {number} size_bytes
 * @property {boolean | null} playable
 * @property {"indexed" | "incomplete"} state
 * @property {string} reason
 * @property {string[]} tags
 * @property {number} segments
 * @property {string | null} recorded_at
 * @property {string | null} [camera] the camera that has recorded it
 * @property {string} indexed_at
 * @property {string} thumbnail_url
 * @property {string} file_url
 *
 * @typedef {object} Segment
 * @property {number} id
 * @property {number} start
 * @property {number} end
 * @property {number} best_time
 * @property {boolean} begins_shot
 * @property {string} thumbnail_url
 * @property {string} play_url
 *
 * @typedef {object} Timeline
 * @property {number[]} times seconds
 * @property {number[]} relevance
 * @property {"relevance" | "fit"} measure of a moment or a picture there is no relevance
 * @property {(Segment & {relevance: number})[]} segments
 * @property {number[]} hits ids of segments
 *
 * @typedef {object} Job
 * @property {string} id
 * @property {"ingest" | "receive" | "remove" | "edit" | "switch"} kind
 * @property {string} collection
 * @property {"waiting" | "running" | "done" | "failed" | "cancelled"} state
 * @property {string | null} video
 * @property {string | null} name
 * @property {string | null} title
 * @property {Step | null} step
 * @property {string | null} model
 * @property {string[]} videos
 * @property {{share: number}} progress
 * @property {string} reason
 * @property {string} created_at
 *
 * @typedef {object} Work what an ingest or a job has done
 * @property {number} id
 * @property {Job["kind"]} kind
 * @property {"ingest" | "watch" | "work"} command
 * @property {string} collection
 * @property {string | null} name
 * @property {"done" | "failed" | "cancelled" | "interrupted"} state
 * @property {string} reason
 * @property {string} ended_at
 * @property {number} seconds
 * @property {number} video_seconds
 * @property {number} indexed
 * @property {number} incomplete
 * @property {number} unchanged
 * @property {number} failed
 * @property {number} frames
 *
 * @typedef {"prepare" | "cut" | "rollback" | "finish"} Step
 *
 * @typedef {object} Model
 * @property {string} name
 * @property {string} licence
 * @property {boolean} installed
 * @property {string} precision
 * @property {{speedup: number, overlap: number} | null} measured
 *
 * @typedef {{video: string, title: string, start: number, end: number, relevance: number}} Compared
 *
 * @typedef {object} Agreement
 * @property {number} queries
 * @property {"file" | "recent" | "bank"} queries_from
 * @property {number | null} overlap
 * @property {{query: string, overlap: number, before: Compared[], after: Compared[]}[]} examples
 *
 * @typedef {object} ModelSwitch
 * @property {string} model
 * @property {string | null} other
 * @property {"none" | "embedding" | "ready" | "switched"} state
 * @property {Job | null} job
 * @property {Agreement | null} agreement
 *
 * @typedef {object} Traffic
 * @property {string} replica
 * @property {number} step_seconds
 * @property {TrafficStep[]} steps the oldest first
 *
 * @typedef {object} TrafficStep
 * @property {string} at
 * @property {number} requests
 * @property {number} failures
 * @property {number} searches
 * @property {number | null} p50_seconds
 * @property {number | null} p95_seconds
 *
 * @typedef {object} Facets
 * @property {string[]} folders
 * @property {boolean} more_folders
 * @property {{tag: string, videos: number}[]} tags
 * @property {boolean} more_tags
 * @property {{tag: string, videos: number, spans: number}[]} segment_tags
 * @property {boolean} more_segment_tags
 *
 * @typedef {object} Collection
 * @property {string} name
 * @property {string} model
 * @property {number} videos
 * @property {number} segments
 * @property {number} seconds
 * @property {number} version
 * @property {string[]} examples
 * @property {string[]} aliases other names that it may be asked by
 * @property {string[]} redacts what is blurred in its pictures
 * @property {Index | null} [index] null while the server has not opened it
 *
 * @typedef {object} Index
 * @property {number} segments
 * @property {number} version
 * @property {number} age_seconds since it was last known to be the newest
 * @property {string | null} [published_at]
 * @property {number} beside segments that are not in the published index
 * @property {boolean} exact
 * @property {number | null} [recall] 0 to 1; null if nothing was compared
 * @property {number} compared searches
 *
 * @typedef {object} Camera
 * @property {string} name
 * @property {string} collection
 * @property {string | null} address null unless the reader may administer it
 * @property {boolean} webcam whether a browser sends its pictures
 * @property {boolean} records
 * @property {boolean} paused
 * @property {"waiting" | "connecting" | "live" | "stalled" | "failed" | "paused"} state
 * @property {string} reason
 * @property {number} fps_in
 * @property {number} dropped
 * @property {number} embedded
 * @property {number | null} delay_p50_s
 * @property {string | null} last_frame_at
 * @property {string | null} state_at
 *
 * @typedef {object} CameraTest
 * @property {boolean} works
 * @property {string} reason
 * @property {string} coding
 * @property {number} rate frames a second
 * @property {number} width
 * @property {number} height
 * @property {string | null} picture a JPEG in base64
 *
 * @typedef {object} WatchedMoment
 * @property {string} collection
 * @property {string} video_id
 * @property {string | null} camera
 * @property {number} start seconds
 * @property {number} end seconds
 * @property {string | null} start_at
 * @property {number} relevance
 * @property {string} thumbnail_url
 *
 * @typedef {object} AlertFacts
 * @property {string} id
 * @property {string} watch
 * @property {string} watch_name
 * @property {string} created_at
 * @property {"none" | "waiting" | "delivered" | "failed"} delivery
 * @typedef {WatchedMoment & AlertFacts} Alert
 *
 * @typedef {{weight: number, text?: string | null, like?: {video_id: string, time: number} | null, picture: boolean}} WatchedPart
 *
 * @typedef {object} WatchSettings
 * @property {string} name
 * @property {number} threshold
 * @property {string[] | null} cameras
 * @property {{days?: string[], start: string, end: string, zone: string} | null} hours
 * @property {number} cooldown seconds
 * @property {boolean} keeps
 *
 * @typedef {object} WatchFacts
 * @property {string} id
 * @property {string} collection
 * @property {string} described
 * @property {WatchedPart[]} parts
 * @property {{within: number, parts: WatchedPart[]}[]} then
 * @property {string[]} fields
 * @property {boolean} on
 *
 * @typedef {WatchFacts & WatchSettings} Watch
 *
 * @typedef {object} Trial
 * @property {number} days
 * @property {number} alerts
 * @property {number} alerts_per_day
 * @property {WatchedMoment[]} moments
 * @property {{threshold: number, alerts: number, alerts_per_day: number} | null} proposed
 *
 * @typedef {object} Problem
 * @property {string} [type]
 * @property {string} [title]
 * @property {number} [status]
 * @property {string} [detail]
 * @property {string | null} [request_id]
 */

export {};
