// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"encoding/json"
	"hash/fnv"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// ownWrites tells our own status writes from those of others: only what somebody else did to a status needs another pass. What is
// expected is noted before it is sent, so that no event of it comes too early.
type ownWrites struct {
	mu   sync.Mutex
	apps map[client.ObjectKey]*[2]expected
}

// part is one of the two parts of a status that are written on their own.
const (
	decisions = iota
	rest
)

// expected are fingerprints of a part: as we wrote it last, and as we wrote it before, of which the event may come still.
type expected struct {
	is, was uint64
	known   bool
}

func newOwnWrites() *ownWrites { return &ownWrites{apps: map[client.ObjectKey]*[2]expected{}} }

// expect notes what a part of a status is from now on.
func (o *ownWrites) expect(key client.ObjectKey, part int, hash uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	app := o.apps[key]
	if app == nil {
		app = &[2]expected{}
		o.apps[key] = app
	}
	switch e := &app[part]; {
	case !e.known:
		*e = expected{is: hash, was: hash, known: true}
	case e.is != hash:
		e.is, e.was = hash, e.is
	}
}

// wrote reports whether the status of drpc is as we wrote it.
func (o *ownWrites) wrote(drpc *v1alpha1.DRPlacementControl) bool {
	others := drpc.Status
	others.Decisions, others.PreferredDecision = nil, v1alpha1.PlacementDecision{}
	hashes := [2]uint64{decisions: decisionsHash(&drpc.Status), rest: hashOf(others)}
	o.mu.Lock()
	defer o.mu.Unlock()
	app := o.apps[client.ObjectKeyFromObject(drpc)]
	if app == nil {
		return false
	}
	for part, hash := range hashes {
		switch e := &app[part]; {
		case hash == e.is:
			e.was = e.is // what was before can come no more, but by somebody's hand
		case hash != e.was:
			return false
		}
	}
	return true
}

func (o *ownWrites) forget(key client.ObjectKey) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.apps, key)
}

// edited lets an update through if somebody else wrote the status: it is corrected at once.
func (o *ownWrites) edited() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			is, ok := e.ObjectNew.(*v1alpha1.DRPlacementControl)
			return ok && e.ObjectOld.GetResourceVersion() != is.ResourceVersion && !o.wrote(is)
		},
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

func decisionsHash(s *v1alpha1.DRPlacementControlStatus) uint64 {
	return hashOf([]any{s.Decisions, s.PreferredDecision})
}

// hashOf is a fingerprint of what an API server would store.
func hashOf(v any) uint64 {
	h := fnv.New64a()
	_ = json.NewEncoder(h).Encode(v) // statuses have nothing that JSON lacks
	return h.Sum64()
}
