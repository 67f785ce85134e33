// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/status"
)

// ledger is what users and monitoring were last told of each application. It serves events and durations alone: nothing
// is decided by it. A hub that starts takes the status that it finds for told, and does not know when the step in it
// began.
type ledger struct {
	mu    sync.Mutex
	apps  map[client.ObjectKey]remembered
	blind map[client.ObjectKey]time.Time // since when what an application needs can't be read
	over  map[types.UID]time.Time        // when the protection of an application was over, and nothing was left
}

type remembered struct {
	uid       types.UID
	status    v1alpha1.DRPlacementControlStatus
	since     time.Time      // when the step began; zero: not seen
	protected status.Verdict // the last one that was certain
}

func newLedger() *ledger {
	return &ledger{apps: map[client.ObjectKey]remembered{}, blind: map[client.ObjectKey]time.Time{}, over: map[types.UID]time.Time{}}
}

// late is for how long a write of an earlier leader may be under way.
const late = time.Hour

// ended notes that the protection of an application is over.
func (l *ledger) ended(uid types.UID, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.over, func(_ types.UID, at time.Time) bool { return now.Sub(at) > late })
	l.over[uid] = now
}

// hasEnded reports whether this process ended the protection of an application.
func (l *ledger) hasEnded(uid types.UID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.over[uid]
	return ok
}

// sees notes whether what an application needs could be read, and returns since when it can't.
func (l *ledger) sees(key client.ObjectKey, now time.Time, blind bool) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	since, known := l.blind[key]
	switch {
	case !blind:
		delete(l.blind, key)
	case !known:
		l.blind[key] = now
		return now
	}
	return since
}

// of is what was told of drpc; if nothing was, its status is taken for told.
func (l *ledger) of(drpc *v1alpha1.DRPlacementControl) remembered {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := client.ObjectKeyFromObject(drpc)
	told, ok := l.apps[key]
	if !ok || told.uid != drpc.UID {
		told = remembered{uid: drpc.UID, status: *drpc.Status.DeepCopy(), protected: status.Found(&drpc.Status)}
		l.apps[key] = told
	}
	return told
}

// told notes that everything in the status of drpc was told.
func (l *ledger) told(drpc *v1alpha1.DRPlacementControl, was remembered, now time.Time) {
	is := remembered{uid: drpc.UID, status: *drpc.Status.DeepCopy(), since: was.since, protected: was.protected}
	if !status.SameStep(&was.status, &is.status) {
		is.since = now
	}
	if v := status.Judge(&is.status); v != status.Uncertain {
		is.protected = v
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.apps[client.ObjectKeyFromObject(drpc)] = is
}

func (l *ledger) forget(key client.ObjectKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.apps, key)
	delete(l.blind, key)
}
