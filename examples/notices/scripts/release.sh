#!/bin/sh
# Makes the notes of the next release from the notices that were collected for it.
set -eu
{ echo "# Release $(cat VERSION)"; cat notices/*.md; } > RELEASE.md
echo "RELEASE.md is written"
