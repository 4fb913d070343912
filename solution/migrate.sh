#!/bin/sh
# The five Alembic commands of a working day. On Windows type the alembic commands themselves.
set -eu
cd "$(dirname "$0")"

usage() {
    cat <<'TEXT'
Usage: ./migrate.sh COMMAND

  upgrade [REVISION]     apply revisions, up to REVISION or to the newest   alembic upgrade head
  downgrade [REVISION]   take back one revision, or down to REVISION        alembic downgrade -1
  revision MESSAGE       write a revision from what the models changed      alembic revision --autogenerate -m MESSAGE
  history                list every revision                                alembic history --verbose
  current                show which revision the database has               alembic current
TEXT
}

command="${1:-help}"
[ $# -eq 0 ] || shift
case "$command" in
    upgrade) alembic upgrade "${1:-head}" ;;
    downgrade) alembic downgrade "${1:--1}" ;;
    revision)
        if [ $# -ne 1 ] || [ -z "$1" ]; then
            echo "A revision needs a message: ./migrate.sh revision \"add an index\"" >&2
            exit 2
        fi
        alembic revision --autogenerate -m "$1"
        ;;
    history) alembic history --verbose ;;
    current) alembic current ;;
    help | -h | --help) usage ;;
    *)
        echo "There is no command '$command'." >&2
        usage >&2
        exit 2
        ;;
esac
