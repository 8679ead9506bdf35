"""The files of the example belong to a copy of the project; their tests run there."""

collect_ignore = ["added"]
