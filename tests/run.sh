#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the tests of a layer: of the gate, or all of them if RAMEN_TEST_ALL is 1. See docs/contributing/testing.md.
# GO is the go command.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
all=${RAMEN_TEST_ALL:-}
mkdir -p bin
# So that what another checkout has built is built.
export GOFLAGS="${GOFLAGS:-} -trimpath"

# What these packages test runs in processes of its own, which mostly wait, the longest first. The race detector would see the
# tests only; it does so when all tests run.
system=(tests/faults tests/lab tests/lab/storage tests/install tests/admission tests/lab/node tests/scale tests/lab/supervise
	tests/lab/proc tests/lab/binaries tests/lab/faultproxy tests/e2e tests/conformance)
# Two labs share the stories: one has those in which something happens to the hub, to the ways to it, or to a whole cluster.
hub='ClusterThatIsRestored|Hub|Leader|Killed|Credential|Access|Forged|Rebuilt|Operations'
# Neither the tests of these packages nor what they test start goroutines: the race detector would find nothing, and costs
# several times as much.
pure=(hubctrl/plan spokectrl/plan api/v1alpha1 cli/check cli/hub cli/order cli/site cli/text cli/view hubctrl/drpolicy hubctrl/drpolicy/peerclass hubctrl/maintenance hubctrl/maintenance/modes hubctrl/snapshot hubctrl/status hubctrl/volsynckey hubctrl/wish internal/apply
	internal/cond internal/image internal/outcome internal/ramenconfig internal/testlayer mirror/exchange mirror/grant mirror/translate
	spokectrl/capsule spokectrl/drclusterconfig spokectrl/maintenance spokectrl/objects/portable spokectrl/provider/volrep spokectrl/objects/steps spokectrl/recipe spokectrl/recipe/condition spokectrl/snapshot spokectrl/status spokectrl/volumes tests/arch tests/gitops
	tests/e2e/kindlab/debian tests/gitops/guard tests/lab/journal tests/lab/registry tests/slowest)
# All others are raced, the longest first; but of these two, which nearly always have one goroutine, the gate races only what
# runs under a real controller.
long=(mirror/link mirror/fleet spokectrl/servertest hubctrl/drcluster)
one=(hubctrl/drpc spokectrl/vrg)
if [ "$all" = 1 ]; then
	long+=("${one[@]}")
	one=()
fi

# With Go's defaults a quarter of what API servers and tests cost is collecting garbage, and counting it for memory profiles
# that nobody reads. roomy runs a command whose programs hold little, and may keep much, up to a limit. What all tests measure
# of memory, and the full models, which need all of it, run without.
roomy() {
	export GOGC=${GOGC:-800} GOMEMLIMIT=${GOMEMLIMIT:-600MiB} GODEBUG=${GODEBUG:-memprofilerate=0}
	"$@"
}
gate=roomy
models=2GiB
if [ "$all" = 1 ]; then
	gate=
	models=off
fi

# What is drawn at random is drawn from the commit: each commit tries something else, and what fails can be repeated.
if commit=$(git rev-parse HEAD 2>/dev/null); then
	drawn=$((16#${commit:0:12}))
	export RAMEN_STORY_SEED=${RAMEN_STORY_SEED:-$drawn} RAMEN_FAULT_SEED=${RAMEN_FAULT_SEED:-$drawn}
fi

# tests NAME FLAGS... runs go test, with a line for each package, and keeps its events in bin/NAME.json. go vet is a step of
# its own in the gate.
tests() {
	bin/gotestsum --format=pkgname --hide-summary=skipped --jsonfile="bin/$1.json" -- -count=1 -vet=off -timeout=90m "${@:2}"
}

"$go" run ./tests/lab/binaries/ensure
mapfile -t others < <("$go" list ./... | sed 's,^[^/]*/[^/]*/[^/]*/,,' | grep -vxF -f <(printf '%s\n' tests/stories "${system[@]}" "${pure[@]}" "${long[@]}" "${one[@]}"))

status=0
jobs=()
# beside NAME NICENESS COMMAND... runs a command beside the others, which yields to those of less niceness.
beside() {
	(renice -n "$2" $BASHPID >/dev/null && "${@:3}") >"bin/$1.log" 2>&1 &
	jobs+=("$1" $!)
}
raced() {
	tests raced -race -p=2 -parallel=4 "${long[@]/#/./}" "${others[@]/#/./}" &&
		{ [ "$all" = 1 ] || tests timers -race -run 'ByATimer|WakeNobody' ./hubctrl/drpc; }
}
pure() {
	GOMEMLIMIT=$models tests pure -p=2 "${one[@]/#/./}" "${pure[@]/#/./}" && make --no-print-directory bench-smoke &&
		{ [ "$all" != 1 ] || tests proportion -run TestManyObjectsCostInProportion ./spokectrl/servertest; }
}
# join waits for what runs beside, and prints what it said.
join() {
	for ((i = 0; i < ${#jobs[@]}; i += 2)); do
		wait "${jobs[i + 1]}" || status=$?
		cat "bin/${jobs[i]}.log"
	done
	jobs=()
}
# Repetitions and crowds, raced, are too much to run all at once: what they prove would not hold on a machine that is that late.
turn() { [ "$all" != 1 ] || join; }
race=()
[ "$all" != 1 ] || race=(-race)
# What computes uses what is left by what waits.
beside hub 0 roomy tests hub "${race[@]}" -parallel=4 -run "$hub" ./tests/stories
beside stories 0 roomy tests stories "${race[@]}" -parallel=4 -skip "$hub" ./tests/stories
turn
beside system 0 roomy tests system "${race[@]}" -p=1 -parallel=4 "${system[@]/#/./}"
beside raced 5 $gate raced
turn
beside pure 5 $gate pure
join
exit $status
