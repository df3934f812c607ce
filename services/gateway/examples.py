"""Examples of the API description; those of EdgeFlow 002 as they stand there."""

from typing import Any

NEW_FLOW: dict[str, Any] = {
    "name": "Temperature Alert",
    "description": "Monitor temperature and send alerts",
    "tags": ["temperature", "alerts"],
    "definition": {
        "nodes": [
            {
                "id": "n1",
                "type": "dht",
                "name": "DHT22 Sensor",
                "config": {},
                "x": 100,
                "y": 200,
            },
            {
                "id": "n2",
                "type": "switch",
                "name": "Threshold",
                "config": {},
                "x": 300,
                "y": 200,
            },
            {
                "id": "n3",
                "type": "mqtt_out",
                "name": "Alert",
                "config": {},
                "x": 500,
                "y": 200,
            },
        ],
        "connections": [
            {"source": "n1", "target": "n2"},
            {"source": "n2", "target": "n3"},
        ],
        "variables": [{"name": "threshold", "type": "number", "value": "30"}],
    },
}
FLOW_UPDATE: dict[str, Any] = {"description": "Alert above 30 degrees"}
NEW_DEPLOYMENT: dict[str, Any] = {
    "flow_id": "flow_abc123",
    "strategy": "rolling",
    "target_devices": ["dev_001", "dev_002", "dev_003"],
    "config": {
        "batch_size": 5,
        "batch_delay": "5m",
        "auto_rollback": True,
        "health_check": True,
    },
}
DEPLOYMENT: dict[str, Any] = {
    "id": "dep_xyz789",
    "flow_id": "flow_abc123",
    "strategy": "rolling",
    "status": "running",
    "total_targets": 3,
    "completed_targets": 1,
    "failed_targets": 0,
    "targets": [
        {"device_id": "dev_001", "status": "success"},
        {"device_id": "dev_002", "status": "deploying"},
        {"device_id": "dev_003", "status": "pending"},
    ],
    "created_at": "2026-02-21T12:00:00Z",
    "started_at": "2026-02-21T12:01:00Z",
}
_MORE_OF_TARGET: dict[str, Any] = {
    "wave": 0,
    "detail": "",
    "attempts": 1,
    "changed_at": "2026-02-21T12:01:07Z",
    "caught_up": False,
}
WHOLE_DEPLOYMENT: dict[str, Any] = {
    **DEPLOYMENT,
    "targets": [{**one, **_MORE_OF_TARGET} for one in DEPLOYMENT["targets"]],
    "more_targets": False,
    "version": 3,
    "content_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "detail": "",
    "counts": {"success": 1, "deploying": 1, "pending": 1},
    "wave": 0,
    "waves": 1,
    "target_devices": NEW_DEPLOYMENT["target_devices"],
    "target_labels": None,
    "target_all": False,
    "dynamic": False,
    "config": {**NEW_DEPLOYMENT["config"], "failure_threshold": 20.0},
    "active_runs": "finish",
    "start_run": False,
    "note": "",
    "created_by": "vera",
    "ended_at": None,
    "start_at": None,
    "approved_by": None,
    "next_at": None,
    "revision": 4,
}
PREVIEW: dict[str, Any] = {
    "strategy": "canary",
    "target_labels": "site=graz and not spare",
    "config": {"canary_percentage": 10},
}
_SHORT_WORKFLOW: dict[str, Any] = {
    "id": "short",
    "version": "1",
    "elements": [
        {"id": "begin", "elementType": "EVENT_LISTENER", "type": "START"},
        {
            "id": "to_warm",
            "elementType": "FLOW",
            "srcId": "begin",
            "destId": "warm",
        },
        {"id": "warm", "elementType": "PHASE", "commands": []},
        {
            "id": "seen",
            "elementType": "EVENT_LISTENER",
            "type": "APPROVAL",
            "phaseId": "warm",
        },
        {"id": "to_end", "elementType": "FLOW", "srcId": "seen", "destId": "end"},
        {"id": "end", "elementType": "EVENT_DISPATCHER", "type": "END"},
    ],
}
CHECKED_FLOW: dict[str, Any] = {"definition": _SHORT_WORKFLOW}
SIMULATED_FLOW: dict[str, Any] = {
    "definition": _SHORT_WORKFLOW,
    "script": [{"at_s": 200, "approve": "seen", "by": "ada"}],
}
