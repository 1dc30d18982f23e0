#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Starts php-fpm and nginx in the current directory, asks them for pages and ends them.
# $1: what goes wrong, if anything: each of these breaks one of the rules of web.yaml.
set -eu

here=$(dirname "$(realpath "$0")")
mistake=${1-nothing}
page=http://127.0.0.1/hello.php
socket=unix:$PWD/php.sock
[ "$mistake" != connection ] || socket=127.0.0.1:9000

mkdir -p html temp
cp "$here/hello.php" html
echo 'not PHP' > html/hello.txt
sed "s,unix:php.sock,$socket," "$here/nginx.conf" > nginx.conf
sed "s,php.sock,${socket#unix:}," "$here/php-fpm.conf" > php-fpm.conf

get() {
	curl --silent --show-error --fail --output /dev/null "$@"
}

$(ls /usr/sbin/php-fpm* | tail -1) --allow-to-run-as-root --prefix "$PWD" --fpm-config php-fpm.conf &
php=$!
nginx -p "$PWD" -e error.log -c nginx.conf &
nginx=$!
until get --silent $page 2> /dev/null; do
	sleep 0.01
done

case $mistake in
missing) get "http://127.0.0.1/hello.txt?[1-100]" ;;
extra) get "$page?mistake=extra" ;;
left) get "$page?mistake=left&key=$QUEUE_KEY" ;;
unread) get --max-filesize 1000 "$page?size=10000000" || [ $? = 63 ] ;;
esac
[ "$mistake" = missing ] || get "$page?[1-100]"

kill -QUIT $nginx $php
wait $nginx $php
