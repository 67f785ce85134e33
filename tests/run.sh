#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the tests of a layer: of the gate, or all of them if RAMEN_TEST_ALL is 1. See docs/contributing/testing.md.
# GO is the go command, AT_ONCE how many of the packages that need the race detector are tested at once.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
mkdir -p bin

# Neither the tests of these packages nor what they test start goroutines: the race detector would find nothing, and costs
# several times as much.
unraced=(api/v1alpha1 hubctrl/drpolicy hubctrl/drpolicy/peerclass hubctrl/maintenance hubctrl/plan internal/apply
	internal/cond internal/image internal/outcome internal/ramenconfig internal/testlayer mirror/exchange mirror/translate
	spokectrl/capsule spokectrl/drclusterconfig spokectrl/plan spokectrl/provider/volrep spokectrl/volumes tests/admission
	tests/arch tests/gitops tests/gitops/guard tests/lab/journal tests/lab/registry tests/slowest)
# The longest begin first, so that none runs alone at the end.
longest=(tests/stories tests/faults mirror/link mirror/fleet hubctrl/drpc spokectrl/vrg spokectrl/servertest tests/lab
	tests/lab/storage tests/install hubctrl/drcluster tests/lab/node)

# What is drawn at random is drawn from the commit: each commit tries something else, and what fails can be repeated.
if commit=$(git rev-parse HEAD 2>/dev/null); then
	drawn=$((16#${commit:0:12}))
	export RAMEN_STORY_SEED=${RAMEN_STORY_SEED:-$drawn} RAMEN_FAULT_SEED=${RAMEN_FAULT_SEED:-$drawn}
fi

# tests NAME FLAGS... runs go test, with a line for each package, and keeps its events in bin/NAME.json.
tests() {
	bin/gotestsum --format=pkgname --hide-summary=skipped --jsonfile="bin/$1.json" -- -count=1 -timeout=90m "${@:2}"
}

"$go" run ./tests/lab/binaries/ensure
mapfile -t packages < <("$go" list ./... | sed 's,^[^/]*/[^/]*/[^/]*/,,' | grep -vxF -f <(printf '%s\n' "${unraced[@]}" "${longest[@]}"))

# Most of the long packages wait most of the time; what only computes runs beside them and yields to them.
{
	renice -n 10 $BASHPID
	tests unraced -p=1 "${unraced[@]/#/./}"
	make --no-print-directory bench-smoke
} >bin/unraced.log 2>&1 &
beside=$!
status=0
tests raced -race -p="${AT_ONCE:-3}" -parallel=4 "${longest[@]/#/./}" "${packages[@]/#/./}" || status=$?
wait $beside || status=$?
cat bin/unraced.log
exit $status
