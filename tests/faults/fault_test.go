// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/actors"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/journal"
)

// killEvery is the time between two kills of one process, which takes a second to be started again.
const killEvery = 1300 * time.Millisecond

// fault is one way in which things fail.
type fault struct {
	name string
	// strike breaks something that concerns a cluster, and returns what repairs it.
	strike func(c *company, side string) (repair func())
	// prepare is done before the operations are asked for, if it is set.
	prepare func(c *company, side string)
	// lasts is how long the fault lasts at least.
	lasts time.Duration
	// told says how a user sees it, while it lasts; nil: it is over before anybody has to be told, or nothing is delayed.
	told func(c *company, side string) error
	// first says that it has to be there before the operations are asked for.
	first bool
	// awayOnly says that it concerns the cluster that the applications go to, and not the one that they run on.
	awayOnly bool
	// rare says that a schedule does not draw it: it stops the clock for everything else.
	rare bool
	// goesBack says that the hub forgets what happened since: its wishes of that time are no break of a promise.
	goesBack bool
	// deletes says that somebody deletes what the mirror has to follow.
	deletes bool
}

// all are the faults, in the order of their table in docs/faults.md.
func all() []fault {
	return []fault{
		{name: "link cut", strike: onLinks(faultproxy.Cut), told: notConnected},
		{name: "link swallows everything", strike: onLinks(faultproxy.BlackHole), told: notConnected},
		{name: "link swallows answers", strike: onLinks(faultproxy.Half), told: notConnected},
		{name: "link and object store slow", strike: both(onLinks(faultproxy.Delay), onStore(faultproxy.Delay)), lasts: 5 * time.Second},
		{name: "object store cut off", strike: onStore(faultproxy.Cut), lasts: 3 * time.Second},
		{name: "mirror killed again and again", strike: killing("mirror-"), lasts: 6 * time.Second},
		{name: "spokectrl killed again and again", strike: killing("spokectrl-"), lasts: 6 * time.Second},
		{name: "hubctrl killed again and again", strike: mute(killing("hubctrl")), lasts: 6 * time.Second},
		{name: "both sides restart at once", strike: restart},
		{name: "API server hangs", strike: freeze, told: notConnected, rare: true},
		{name: "writes are refused on the cluster", strike: refuse("create", "update", "patch", "delete"), lasts: 4 * time.Second},
		{name: "reads are refused on the cluster", strike: refuse("get", "list", "watch"), told: notConnected},
		{name: "namespace wiped while the mirror is down", strike: wipe, first: true, awayOnly: true, rare: true},
		{name: "wish deleted while the mirror is down", strike: deleteWishes, first: true, awayOnly: true, deletes: true},
		{name: "wish re-created during a partition", strike: replaceWishes, first: true, deletes: true},
		{name: "foreign group of the same name", strike: foreigner, told: ownedElsewhere, first: true, rare: true},
		{name: "hub restored from a backup", prepare: func(c *company, _ string) { c.backUp(lab.Hub) }, strike: restoreHub, rare: true, goesBack: true, deletes: true},
		{name: "cluster restored from a backup", prepare: (*company).backUp, strike: restoreCluster, rare: true, goesBack: true},
	}
}

func onLinks(kind faultproxy.Kind) func(*company, string) func() {
	return func(c *company, side string) func() {
		require.NoError(c.t, c.l.Fault(side, kind))
		return func() { require.NoError(c.t, c.l.Heal(side)) }
	}
}

func onStore(kind faultproxy.Kind) func(*company, string) func() {
	return func(c *company, side string) func() {
		require.NoError(c.t, c.l.Fault("s3-"+side, kind))
		return func() { require.NoError(c.t, c.l.Heal("s3-"+side)) }
	}
}

// both strikes in two ways at once.
func both(a, b func(*company, string) func()) func(*company, string) func() {
	return func(c *company, side string) func() {
		healA, healB := a(c, side), b(c, side)
		return func() { healA(); healB() }
	}
}

// killing kills a process whenever it is back, between any two of its writes.
func killing(service string) func(*company, string) func() {
	return func(c *company, side string) func() {
		name := service
		if name != "hubctrl" {
			name += side
		}
		ctx, stop := context.WithCancel(c.t.Context())
		var gone sync.WaitGroup
		gone.Go(func() {
			for ctx.Err() == nil {
				assert.NoError(c.t, c.l.Kill(name))
				select {
				case <-time.After(killEvery):
				case <-ctx.Done():
				}
			}
		})
		return func() { stop(); gone.Wait() }
	}
}

// mute is for a fault that keeps the hub from speaking until it ends.
func mute(strike func(*company, string) func()) func(*company, string) func() {
	return func(c *company, side string) func() {
		began := time.Now()
		repair := strike(c, side)
		return func() {
			repair()
			c.excuse(began)
		}
	}
}

// restart kills the API servers of the hub and of a cluster with all that talks to them, and starts them again: nobody could
// ask for anything meanwhile.
func restart(c *company, side string) func() {
	began := time.Now()
	services := []string{"apiserver-hub", "apiserver-" + side}
	for _, s := range append(services, "hubctrl", "mirror-"+side, "spokectrl-"+side) {
		require.NoError(c.t, c.l.Kill(s))
	}
	for _, s := range services {
		require.NoError(c.t, c.l.StartProcess(c.t.Context(), s))
	}
	c.excuse(began)
	return func() {}
}

func freeze(c *company, side string) func() {
	require.NoError(c.t, c.l.Freeze("apiserver-"+side))
	return func() { require.NoError(c.t, c.l.Thaw("apiserver-"+side)) }
}

// mirrorRole is what the mirror may do on a cluster.
const mirrorRole = "ramen-mirror"

// refuse takes rights away from the mirror on a cluster. It is restarted: a watch that was allowed goes on.
func refuse(verbs ...string) func(*company, string) func() {
	return func(c *company, side string) func() {
		c.setRights(side, func(verb string) bool { return !slices.Contains(verbs, verb) })
		require.NoError(c.t, c.l.Kill("mirror-"+side))
		return func() { c.setRights(side, func(string) bool { return true }) }
	}
}

// setRights leaves the mirror on a cluster those of its verbs that may stay.
func (c *company) setRights(side string, may func(verb string) bool) {
	c.t.Helper()
	c.insist("set the rights of the mirror on "+side, func(ctx context.Context) error {
		cl, role := c.l.Cluster(side).Client, &rbacv1.ClusterRole{}
		if err := cl.Get(ctx, client.ObjectKey{Name: mirrorRole}, role); err != nil {
			return err
		}
		if c.rights[side] == nil {
			c.rights[side] = role.DeepCopy().Rules
		}
		role.Rules = nil
		for _, rule := range c.rights[side] {
			rule.Verbs = slices.DeleteFunc(slices.Clone(rule.Verbs), func(v string) bool { return !may(v) })
			role.Rules = append(role.Rules, rule)
		}
		return cl.Update(ctx, role)
	})
}

// wipe deletes, on a cluster, the namespaces of the applications that do not run there.
func wipe(c *company, side string) func() {
	start := c.stopMirror(side)
	cl := c.l.Cluster(side).Client
	standby := []*actors.Actor{c.relocated, c.failed}
	if c.deletedAt != side {
		standby = append(standby, c.deleted)
	}
	for _, a := range standby {
		require.NoError(c.t, client.IgnoreNotFound(cl.Delete(c.t.Context(), a.App.Home())))
	}
	for _, a := range standby {
		c.insist("the namespace "+a.App.Namespace+" is gone", func(ctx context.Context) error {
			err := cl.Get(ctx, client.ObjectKeyFromObject(a.App.Home()), &corev1.Namespace{})
			if err == nil {
				return errors.New("it is still there")
			}
			return client.IgnoreNotFound(err)
		})
	}
	return start
}

// wishes are those of the settled applications for a cluster.
func wishes(c *company, side string) []*v1alpha1.VolumeReplicationGroup {
	var out []*v1alpha1.VolumeReplicationGroup
	for _, a := range c.settled() {
		key := a.WishKey(side)
		out = append(out, &v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}})
	}
	return out
}

// breakGlass is what an administrator has to write on a wish before the admission policy lets them delete it.
const breakGlass = "exchange.ramendr.openshift.io/break-glass"

func deleteWishes(c *company, side string) func() {
	start := c.stopMirror(side)
	for _, w := range wishes(c, side) {
		c.deleteByHand(w)
	}
	return start
}

// deleteByHand deletes a wish as somebody does who means it.
func (c *company) deleteByHand(w *v1alpha1.VolumeReplicationGroup) {
	c.t.Helper()
	hub := c.l.Cluster(lab.Hub).Client
	c.change(w, func() { w.Annotations[breakGlass] = "a test of what follows" })
	require.NoError(c.t, hub.Delete(c.t.Context(), w))
}

// change updates a wish.
func (c *company) change(w *v1alpha1.VolumeReplicationGroup, edit func()) {
	c.t.Helper()
	hub := c.l.Cluster(lab.Hub).Client
	c.insist("change "+w.Name, func(ctx context.Context) error {
		if err := hub.Get(ctx, client.ObjectKeyFromObject(w), w); err != nil {
			return err
		}
		edit()
		return hub.Update(ctx, w)
	})
}

// stopMirror ends the mirror of a cluster; it is started again when the test ends, whatever happens.
func (c *company) stopMirror(side string) (start func()) {
	c.t.Helper()
	require.NoError(c.t, c.l.Stop("mirror-"+side))
	ctx := context.WithoutCancel(c.t.Context())
	start = func() { require.NoError(c.t, c.l.StartProcess(ctx, "mirror-"+side)) }
	c.t.Cleanup(start)
	return start
}

// replaceWishes deletes wishes for good, against their finalizer, so that those that the hub re-creates have other UIDs.
func replaceWishes(c *company, side string) func() {
	require.NoError(c.t, c.l.Fault(side, faultproxy.Cut))
	c.t.Cleanup(func() { require.NoError(c.t, c.l.Heal(side)) })
	for _, w := range wishes(c, side) {
		c.deleteByHand(w)
		c.change(w, func() { w.Finalizers = nil })
	}
	return func() { require.NoError(c.t, c.l.Heal(side)) }
}

// foreigner puts a group that nobody wished in the place of the one that is going to be deployed.
func foreigner(c *company, side string) func() {
	cl := c.l.Cluster(side).Client
	if err := cl.Create(c.t.Context(), c.deployed.App.Home()); !apierrors.IsAlreadyExists(err) {
		require.NoError(c.t, err)
	}
	vrg := &v1alpha1.VolumeReplicationGroup{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.deployed.App.Namespace, Name: c.deployed.App.Name},
		Spec: v1alpha1.VolumeReplicationGroupSpec{
			ReplicationState: v1alpha1.Secondary,
			PVCSelector:      metav1.LabelSelector{MatchLabels: map[string]string{"nobody": "s"}},
			S3Profiles:       []string{"s3-dr1", "s3-dr2"},
			Async:            &v1alpha1.VRGAsyncSpec{SchedulingInterval: lab.SchedulingInterval},
		},
	}
	require.NoError(c.t, cl.Create(c.t.Context(), vrg))
	return func() { require.NoError(c.t, client.IgnoreNotFound(cl.Delete(c.t.Context(), vrg))) }
}

func (c *company) backUp(cluster string) {
	c.t.Helper()
	require.NoError(c.t, c.l.BackUp(c.t.Context(), cluster, c.backup(cluster)))
}

func (c *company) backup(cluster string) string {
	return filepath.Join(c.dir, fmt.Sprintf("%s-%d", cluster, c.made))
}

// restoreHub is done as docs/operations.md says: the deployer stands still until the hub has found out, and the
// manifests, which come from Git, are applied again.
func restoreHub(c *company, _ string) func() {
	start := c.stop()
	began := time.Now()
	require.NoError(c.t, c.l.Restore(c.t.Context(), lab.Hub, c.backup(lab.Hub)))
	c.excuse(began)
	c.request()
	return func() {
		c.followAgain(start, lab.Spokes()...)
		start(c.deleted)
		c.confirm(c.relocated, c.relocate)
		c.confirm(c.failed, c.failover)
	}
}

// restoreCluster is done as docs/faults.md says: the deployer there stands still until the cluster has found out, and
// what protects an application that was let go is deleted by hand.
func restoreCluster(c *company, side string) func() {
	start := c.stop()
	if side == c.home {
		c.acknowledged = map[string]journal.Record{side: c.relocated.Acknowledged(side)}
	}
	require.NoError(c.t, c.l.Restore(c.t.Context(), side, c.backup(side)))
	return func() {
		c.followAgain(start, side)
		c.insist("the group of "+c.deleted.App.Name+" is gone from "+side, func(ctx context.Context) error { return c.removeBackedUp(ctx, side) })
	}
}

// followAgain starts the deployers of those applications that stay when clusters obey what is wished for them.
func (c *company) followAgain(start func(*actors.Actor), clusters ...string) {
	c.t.Helper()
	for _, a := range []*actors.Actor{c.relocated, c.failed, c.deployed} {
		for _, cluster := range clusters {
			c.insist(cluster+" obeys for "+a.App.Name, func(ctx context.Context) error {
				return errors.Join(c.beginAgain(ctx, a), a.Obeyed(ctx, cluster))
			})
		}
		start(a)
	}
}

// beginAgain deletes the group of an application that had reached one cluster only when the hub forgot it: only the user knows
// that it ran nowhere yet.
func (c *company) beginAgain(ctx context.Context, a *actors.Actor) error {
	drpc, err := a.App.Control(ctx)
	if err != nil {
		return err
	}
	if w := drpc.Status.Waiting; a == c.deployed && w != nil && w.Fact == "PrimaryFound" {
		group, key := &v1alpha1.VolumeReplicationGroup{}, a.App.Key()
		group.Namespace, group.Name = key.Namespace, key.Name
		return client.IgnoreNotFound(c.l.Cluster(w.Cluster).Client.Delete(ctx, group))
	}
	return nil
}

// removeBackedUp deletes on a cluster what protects the application that was let go, if the backup brought it back: no
// wish does.
func (c *company) removeBackedUp(ctx context.Context, cluster string) error {
	switch _, err := c.deleted.App.Control(ctx); {
	case err == nil:
		return errors.New("its DRPlacementControl is there")
	case !apierrors.IsNotFound(err):
		return err
	}
	group, key := &v1alpha1.VolumeReplicationGroup{}, c.deleted.App.Key()
	group.Namespace, group.Name = key.Namespace, key.Name
	if err := c.l.Cluster(cluster).Client.Delete(ctx, group); !apierrors.IsNotFound(err) {
		return errors.Join(err, errors.New("it was there"))
	}
	return nil
}

// notConnected: the DRCluster says that there is no link.
func notConnected(c *company, side string) error {
	dc := &v1alpha1.DRCluster{}
	if err := c.l.Cluster(lab.Hub).Client.Get(c.t.Context(), client.ObjectKey{Name: side}, dc); err != nil {
		return err
	}
	if meta.IsStatusConditionFalse(dc.Status.Conditions, v1alpha1.ConditionConnected) {
		return nil
	}
	return errNotTold(meta.FindStatusCondition(dc.Status.Conditions, v1alpha1.ConditionConnected))
}

// ownedElsewhere: the DRPlacementControl says whose the group is.
func ownedElsewhere(c *company, side string) error {
	drpc, err := c.deployed.App.Control(c.t.Context())
	if err != nil {
		return err
	}
	if w := drpc.Status.Waiting; w != nil && w.Cluster == side && w.Fact == "ForeignObject" {
		return nil
	}
	return errNotTold(nil)
}
