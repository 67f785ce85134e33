// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/provider/volrep"
)

// scenario is the life of one application, and what was promised in it.
type scenario struct {
	name, namespace string
	sites           [2]*site
	options         Options
	clock           clock.PassiveClock

	epoch   int64
	home    int // index of the site where the application runs
	words   int
	broken  bool
	heard   []Answer
	results []Result
}

func (sc *scenario) here() *site  { return sc.sites[sc.home] }
func (sc *scenario) there() *site { return sc.sites[1-sc.home] }

// promise carries a promise out. Once one was broken, no other of the scenario is reached.
func (sc *scenario) promise(ctx context.Context, text string, keep func(context.Context) error) {
	sc.broken = !sc.attempt(ctx, text, keep) || sc.broken
}

// attempt carries a promise out that no other builds on.
func (sc *scenario) attempt(ctx context.Context, text string, keep func(context.Context) error) (kept bool) {
	r := Result{Scenario: sc.name, Promise: text, Outcome: NotReached}
	if sc.broken || ctx.Err() != nil {
		sc.results = append(sc.results, r)
		return false
	}
	began := sc.clock.Now()
	sc.heard = nil
	limited, cancel := context.WithTimeout(ctx, sc.options.Patience)
	err := keep(limited)
	cancel()
	r.Took, r.Answers, r.Outcome = sc.clock.Since(began), sc.heard, Kept
	if err != nil {
		r.Outcome, r.Why = Broken, strings.Join(strings.Fields(err.Error()), " ")
		for _, s := range sc.sites {
			r.State = append(r.State, s.describe(ctx, sc.namespace))
		}
	}
	_, _ = fmt.Fprintf(sc.options.Log, "%s: %s: %s\n", sc.name, text, r.Outcome)
	sc.results = append(sc.results, r)
	return err == nil
}

// await looks until what is wanted is so, and notes what the storage refuses meanwhile.
func (sc *scenario) await(ctx context.Context, want func(context.Context) error) error {
	return await(ctx, sc.options.Look, func(ctx context.Context) error {
		sc.look(ctx)
		return want(ctx)
	})
}

// write appends a word where the application runs; wanted are those that must be there then.
func (sc *scenario) write(ctx context.Context, wanted ...string) (string, error) {
	sc.words++
	word := fmt.Sprintf("%s-%d", sc.name, sc.words)
	found, err := sc.here().write(ctx, sc.namespace, claimName, word)
	if err != nil {
		return word, err
	}
	for _, w := range append(wanted, word) {
		if !slices.Contains(found, w) {
			return word, fmt.Errorf("the volume on %s holds %v and lacks %s: written bytes are lost", sc.here().name, found, w)
		}
	}
	return word, nil
}

// protect begins the life of the application.
func (sc *scenario) protect(ctx context.Context) error {
	for _, s := range sc.sites {
		if err := s.house(ctx, sc.namespace); err != nil {
			return err
		}
	}
	if err := sc.here().claim(ctx, sc.namespace, nil, claimName); err != nil {
		return fmt.Errorf("create claim: %w", err)
	}
	if _, err := sc.write(ctx); err != nil {
		return err
	}
	if err := sc.promote(ctx, sc.here(), ""); err != nil {
		return err
	}
	if err := sc.answers(ctx, sc.here(), stored(sc.here())); err != nil {
		return err
	}
	if err := sc.ask(ctx, sc.there(), asks{role: v1alpha1.Secondary}); err != nil {
		return err
	}
	if err := sc.answers(ctx, sc.there(), is(sc.there(), v1alpha1.SecondaryState)); err != nil {
		return err
	}
	// Now both have told their keys.
	if err := sc.ask(ctx, sc.here(), asks{role: v1alpha1.Primary}); err != nil {
		return err
	}
	return sc.answers(ctx, sc.here(), stored(sc.here()))
}

// interval is how long one replication takes to come after another.
func (sc *scenario) interval() (time.Duration, error) {
	if sc.options.Interval > 0 {
		return sc.options.Interval, nil
	}
	return volrep.Interval(sc.here().class.Spec.Parameters["schedulingInterval"])
}

// told is the newest copy that the storage tells of.
func (sc *scenario) told(ctx context.Context) (time.Time, error) {
	vr, err := sc.here().replication(ctx, sc.namespace)
	if err != nil || vr == nil || vr.Status.LastSyncTime == nil {
		return time.Time{}, err
	}
	return vr.Status.LastSyncTime.Time, nil
}

// reported waits until the storage tells of a copy that is newer than one, and does not say that it fails to replicate.
func (sc *scenario) reported(ctx context.Context, than time.Time) error {
	return sc.await(ctx, func(ctx context.Context) error {
		vr, err := sc.here().replication(ctx, sc.namespace)
		switch {
		case err != nil:
			return err
		case vr == nil || vr.Status.LastSyncTime == nil:
			return errors.New("lastSyncTime is empty: nothing tells how old the peer's copy is")
		case !vr.Status.LastSyncTime.After(than):
			return fmt.Errorf("lastSyncTime stays %s, and it is %s", vr.Status.LastSyncTime.Format(time.RFC3339), sc.clock.Now().Format(time.RFC3339))
		}
		if c := meta.FindStatusCondition(vr.Status.Conditions, replicationv1.ConditionReplicating); c != nil && c.Status == metav1.ConditionFalse {
			return fmt.Errorf("the volume does not replicate: %s", c.Message)
		}
		return nil
	})
}

// empty removes the workload; its claims as well if they leave with it.
func (sc *scenario) empty(ctx context.Context, s *site, claims bool) error {
	if !claims {
		return nil // the Pod that wrote is gone
	}
	err := s.client.Delete(ctx, &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: sc.namespace, Name: claimName}})
	return client.IgnoreNotFound(err)
}

// demote makes the home Secondary as a relocate does; claims says whether the claims leave with the workload.
func (sc *scenario) demote(ctx context.Context, claims bool) error {
	s := sc.here()
	if err := sc.ask(ctx, s, asks{role: v1alpha1.Primary, action: v1alpha1.VRGActionRelocate, prepare: true}); err != nil {
		return err
	}
	if err := sc.answers(ctx, s, func(g *v1alpha1.VolumeReplicationGroup) error {
		if !g.Status.PrepareForFinalSyncComplete {
			return fmt.Errorf("the last synchronization is not prepared on %s: %s", s.name, said(g, v1alpha1.VRGDataReady))
		}
		return nil
	}); err != nil {
		return err
	}
	if err := sc.empty(ctx, s, claims); err != nil {
		return err
	}
	if err := sc.ask(ctx, s, asks{role: v1alpha1.Primary, action: v1alpha1.VRGActionRelocate, final: true}); err != nil {
		return err
	}
	if err := sc.answers(ctx, s, func(g *v1alpha1.VolumeReplicationGroup) error {
		if !g.Status.FinalSyncComplete {
			return fmt.Errorf("the last synchronization is not over on %s: %s", s.name, said(g, v1alpha1.VRGDataReady))
		}
		return nil
	}); err != nil {
		return err
	}
	if err := sc.ask(ctx, s, asks{role: v1alpha1.Secondary, action: v1alpha1.VRGActionRelocate}); err != nil {
		return err
	}
	return sc.answers(ctx, s, is(s, v1alpha1.SecondaryState))
}

// take makes the peer the home; it must have these words.
func (sc *scenario) take(ctx context.Context, action v1alpha1.VRGAction, wanted ...string) error {
	to := sc.there()
	if err := sc.promote(ctx, to, action); err != nil {
		return err
	}
	if err := sc.answers(ctx, to, stored(to)); err != nil {
		return err
	}
	sc.home = 1 - sc.home
	_, err := sc.write(ctx, wanted...)
	return err
}

// serve tells the old home that its peer has taken over.
func (sc *scenario) serve(ctx context.Context, action v1alpha1.VRGAction) error {
	s := sc.there()
	if err := sc.ask(ctx, s, asks{role: v1alpha1.Secondary, action: action, serves: true}); err != nil {
		return err
	}
	return sc.answers(ctx, s, is(s, v1alpha1.SecondaryState))
}

// disable ends the protection on both clusters at once, as the hub does.
func (sc *scenario) disable(ctx context.Context) error {
	for _, s := range sc.sites {
		if err := sc.leave(ctx, s); err != nil {
			return err
		}
	}
	for _, s := range sc.sites {
		if err := sc.await(ctx, func(ctx context.Context) error {
			if group, err := sc.group(ctx, s); err == nil {
				return fmt.Errorf("the group on %s does not end: %s", s.name, said(group, v1alpha1.VRGDataReady))
			}
			if vr, err := s.replication(ctx, sc.namespace); err != nil || vr != nil {
				return fmt.Errorf("the VolumeReplication on %s does not go: %w", s.name, errors.Join(err, errors.New("the storage does not release it")))
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
