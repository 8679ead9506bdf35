#!/bin/sh
# One argument is a line of the Procfile, for a shell; several are a program with its arguments.  Either takes the place
# of this shell, so that it hears the container's signals itself.
if [ $# = 1 ]; then
    exec /bin/sh -c "exec $1"
fi
exec "$@"
