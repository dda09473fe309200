#!/bin/sh
# Claude Code, hook SessionStart, or by hand: says what is new on Spaces. Always ends with status 0.
# With arguments: spaces-context-hook.sh --as NAME reads as that saved login.
trap 'exit 0' TERM INT HUP
beside=${0%/*}/spaces
if [ -x "$beside" ]; then "$beside" hook session-start "$@"; else spaces hook session-start "$@"; fi 2>/dev/null
exit 0
