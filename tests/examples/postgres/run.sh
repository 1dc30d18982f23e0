#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Starts PostgreSQL on the cluster ./data (`initdb -D data -A trust`, as the user postgres) with
# its socket in ./run, lets pgbench work and ends it.
# $1: what goes wrong, if anything: each of these breaks one of the rules of postgres.yaml.
set -eu

here=$(dirname "$(realpath "$0")")
mistake=${1-nothing}
export PATH="$(ls -d /usr/lib/postgresql/*/bin | tail -1):$PATH"
export PGHOST="$PWD/run" PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
[ "$mistake" != missing ] || PGPORT=5433 # not where it is expected

setpriv --reuid postgres --regid postgres --clear-groups \
	postgres -D "$PWD/data" -k "$PGHOST" -p $PGPORT -c listen_addresses=127.0.0.1 \
	-c fsync=off > postgres.log 2>&1 &
postmaster=$!
until pg_isready --quiet; do
	sleep 0.01
done

pgbench --initialize --quiet 2> /dev/null
pgbench --no-vacuum --client 2 --transactions 20 > pgbench.log

case $mistake in
connection)
	pgbench --no-vacuum --host 127.0.0.1 --transactions 20 >> pgbench.log
	;;
extra)
	psql --quiet --command "COPY (SELECT 1) TO PROGRAM 'cat > /dev/null'"
	;;
unread) # killed while it reads
	psql --quiet --file "$here/unread.sql" || [ $? = 137 ]
	;;
left) # killed, it takes nothing away
	kill -KILL $postmaster
	;;
esac

kill -INT $postmaster 2> /dev/null || true
wait $postmaster || [ "$mistake" = left ]
