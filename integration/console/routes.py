"""Every page and act of the console, with the role that each needs."""

from __future__ import annotations

from integration.console.audit import audit
from integration.console.jobs import change_job, job, jobs, preview
from integration.console.objects import find, object_list, story
from integration.console.overview import overview
from integration.console.site import Route
from integration.console.targets import change_target, targets
from integration.console.trouble import delivery, group, trouble

ROUTES = (
    Route("GET", "/", overview, "viewer"),
    Route("GET", "/find", find, "viewer"),
    Route("GET", "/objects/<of>", object_list, "viewer"),
    Route("GET", "/objects/<of>/<path:id>", story, "viewer"),
    Route("GET", "/trouble", trouble, "viewer"),
    Route("GET", "/trouble/<fingerprint>", group, "viewer"),
    Route("GET", "/deliveries/<int:id>", delivery, "viewer"),
    Route("GET", "/jobs", jobs, "viewer"),
    Route("POST", "/jobs", preview, "operator"),
    Route("GET", "/jobs/<int:id>", job, "viewer"),
    Route("POST", "/jobs/<int:id>", change_job, "operator"),
    Route("GET", "/targets", targets, "viewer"),
    Route("POST", "/targets/<name>", change_target, "operator"),
    Route("GET", "/audit", audit, "viewer"),
)
