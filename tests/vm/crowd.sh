#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# crowd.sh BATCH COPIES SCENARIO…: all of them COPIES times at once, each copy in a directory of its
# own, named by a number from 1.
batch=$1
copies=$2
shift 2
copy=0
while [ $((copy += 1)) -le "$copies" ]; do
	mkdir $copy
	(cd $copy && exec sh "$batch" ipcload "$@") &
done
wait
