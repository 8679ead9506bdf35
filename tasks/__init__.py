"""What moves: the Celery application, the five steps of the road, the dispatcher and the upkeep."""
