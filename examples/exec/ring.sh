#!/bin/sh
# A listener in shell: adds one line per event to a file, for a bell in the
# office to ring. Run by plugins/exec, once per event; the event's name and id
# are in the environment, and the JSON on stdin is not needed.
#   command: [./ring.sh, /var/lib/office/bell]
set -eu

bell=$1
case $EVENT_NAME in
appointment.saved | appointment.deleted) ;;
*)
	echo "nobody rings for $EVENT_NAME" >&2
	exit 99 # skipped
	;;
esac
if [ ! -d "$(dirname "$bell")" ]; then
	echo "there is no folder for $bell" >&2
	exit 69 # unavailable: no event can be delivered until there is
fi
# The same event may come twice; its key is the same.
if [ -f "$bell" ] && grep -qF " $IDEMPOTENCY_KEY" "$bell"; then
	exit 0
fi
if [ "$DRY_RUN" = 0 ]; then
	printf '%s %s\n' "$EVENT_NAME" "$IDEMPOTENCY_KEY" >>"$bell" || exit 75 # retry
fi
echo '{"message": "rung"}'
