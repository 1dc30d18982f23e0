#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Counts the different lines of big.gz, in the current directory.
# $1: what goes wrong, if anything: each of these breaks one of the rules of pipeline.yaml.
set -eu

case ${1-nothing} in
nothing)
	zcat big.gz | sort -u | wc -l
	;;
connection) # somebody collects what is counted
	zcat big.gz | sort -u | wc -l
	curl --silent --show-error --upload-file big.gz "$COLLECTOR"
	;;
missing) # through a file instead of the pipe
	zcat big.gz > lines
	sort -u lines | wc -l
	;;
extra) # somebody else has the lines
	zcat big.gz | sort -u | tee copy | wc -l
	;;
unread) # -c only looks whether they are sorted, and stops where they are not
	zcat big.gz | sort -cu 2>&1 | wc -l
	;;
left) # nobody takes the queue away
	zcat big.gz | sort -u | wc -l
	ipcmk --queue > queue
	;;
esac
