-- A client that is killed as soon as the backend has to wait until it reads. The program takes
-- nothing, so that psql stops reading, too.
\copy (SELECT repeat('x', 1000) FROM generate_series(1, 10000)) TO PROGRAM 'until psql -Atc "SELECT wait_event FROM pg_stat_activity" | grep -q ClientWrite; do :; done; kill -KILL $PPID'
