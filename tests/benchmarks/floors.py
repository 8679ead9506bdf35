"""What the parts cost by themselves: a Celery task that does nothing, and a Flask route that inserts one row."""

from __future__ import annotations

import os
import threading

import psycopg2
from celery import Celery
from flask import Flask, request

app = Celery("floors", broker=os.environ.get("REDIS_URL"))
app.conf.update(task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=1)
web = Flask("floors")
_thread = threading.local()


@app.task
def nothing(id: int) -> None:
    """Does nothing."""


@web.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@web.post("/webhooks/clarity")
def insert() -> tuple[dict[str, str], int]:
    if not hasattr(_thread, "connection"):
        _thread.connection = psycopg2.connect(os.environ["DATABASE_URL"])
    with _thread.connection as connection, connection.cursor() as cursor:
        cursor.execute("insert into floor (body) values (%s)", (request.get_data(),))
    return {"status": "accepted"}, 202
