#!/bin/sh
exec python -m integration.cli "$@"
