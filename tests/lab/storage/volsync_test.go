// SPDX-License-Identifier: Apache-2.0

package storage_test

import (
	"strings"
	"testing"

	volsyncv1alpha1 "github.com/backube/volsync/api/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/tests/lab"
)

const psk = "volsyncramen:" + "0123456789abcdef0123456789abcdef"

func (s *site) secret(name, text string) {
	s.t.Helper()
	s.create(&corev1.Secret{ObjectMeta: s.named(name), StringData: map[string]string{"psk.txt": text}})
}

// destination takes what is sent; without a claim, into one of its own.
func (s *site) destination(name, claim string) *volsyncv1alpha1.ReplicationDestination {
	rd := &volsyncv1alpha1.ReplicationDestination{ObjectMeta: s.named(name)}
	options := volsyncv1alpha1.ReplicationDestinationVolumeOptions{
		CopyMethod: volsyncv1alpha1.CopyMethodSnapshot, VolumeSnapshotClassName: new(lab.VolumeSnapshotClass),
		Capacity: new(resource.MustParse("1Gi")), StorageClassName: new(lab.SnapshotStorageClass),
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
	}
	if claim != "" {
		options.DestinationPVC = &claim
	}
	rd.Spec.RsyncTLS = &volsyncv1alpha1.ReplicationDestinationRsyncTLSSpec{ReplicationDestinationVolumeOptions: options, KeySecret: new("key")}
	return rd
}

// address waits until a destination can be reached.
func (s *site) address(name string) string {
	s.t.Helper()
	rd := &volsyncv1alpha1.ReplicationDestination{}
	s.eventually("destination "+name+" has an address", func() bool {
		return s.get(name, rd) == nil && rd.Status != nil && rd.Status.RsyncTLS != nil && rd.Status.RsyncTLS.Address != nil
	})
	return *rd.Status.RsyncTLS.Address
}

func (s *site) source(name, claim, address string, trigger *volsyncv1alpha1.ReplicationSourceTriggerSpec) *volsyncv1alpha1.ReplicationSource {
	rs := &volsyncv1alpha1.ReplicationSource{ObjectMeta: s.named(name)}
	rs.Spec.SourcePVC, rs.Spec.Trigger = claim, trigger
	rs.Spec.RsyncTLS = &volsyncv1alpha1.ReplicationSourceRsyncTLSSpec{
		ReplicationSourceVolumeOptions: volsyncv1alpha1.ReplicationSourceVolumeOptions{
			CopyMethod: volsyncv1alpha1.CopyMethodSnapshot, VolumeSnapshotClassName: new(lab.VolumeSnapshotClass),
		},
		KeySecret: new("key"), Address: &address,
	}
	return rs
}

func manual(tag string) *volsyncv1alpha1.ReplicationSourceTriggerSpec {
	return &volsyncv1alpha1.ReplicationSourceTriggerSpec{Manual: tag}
}

// ask changes the spec of a source.
func (s *site) ask(name string, edit func(*volsyncv1alpha1.ReplicationSourceSpec)) {
	s.t.Helper()
	rs := &volsyncv1alpha1.ReplicationSource{}
	s.eventually("source "+name+" is changed", func() bool {
		if s.get(name, rs) != nil {
			return false
		}
		edit(&rs.Spec)
		return s.Client.Update(s.t.Context(), rs) == nil
	})
}

// claimed waits until a source says that a tag is done.
func (s *site) claimed(name, tag string) *volsyncv1alpha1.ReplicationSource {
	s.t.Helper()
	rs := &volsyncv1alpha1.ReplicationSource{}
	s.eventually("source "+name+" did "+tag, func() bool {
		return s.get(name, rs) == nil && rs.Status != nil && rs.Status.LastManualSync == tag && rs.Status.LastSyncStartTime == nil
	})
	return rs
}

// says waits until the condition of an object has a reason and a message.
func (s *site) says(name string, obj client.Object, status, reason, message string) {
	s.t.Helper()
	var shown string
	if !assert.Eventually(s.t, func() bool {
		if s.get(name, obj) != nil {
			return false
		}
		c := meta.FindStatusCondition(conditions(obj), volsyncv1alpha1.ConditionSynchronizing)
		if c == nil {
			return false
		}
		shown = string(c.Status) + " " + c.Reason + ": " + c.Message
		return string(c.Status) == status && c.Reason == reason && strings.Contains(c.Message, message)
	}, patience, look, "%s: %s says %s %s: %s", s.Name, name, status, reason, message) {
		s.t.Fatalf("it says %s", shown)
	}
}

func conditions(obj client.Object) []metav1.Condition {
	switch o := obj.(type) {
	case *volsyncv1alpha1.ReplicationSource:
		if o.Status != nil {
			return o.Status.Conditions
		}
	case *volsyncv1alpha1.ReplicationDestination:
		if o.Status != nil {
			return o.Status.Conditions
		}
	}
	return nil
}

// image waits until the latest image of a destination is another one, and returns the folder of a claim that is made from it.
func (s *site) image(name, after string) (image string) {
	s.t.Helper()
	rd := &volsyncv1alpha1.ReplicationDestination{}
	s.eventually("destination "+name+" has an image", func() bool {
		return s.get(name, rd) == nil && rd.Status != nil && rd.Status.LatestImage != nil && rd.Status.LatestImage.Name != after
	})
	assert.Equal(s.t, "VolumeSnapshot", rd.Status.LatestImage.Kind)
	assert.NotNil(s.t, rd.Status.LastSyncTime)
	assert.NotNil(s.t, rd.Status.LastSyncDuration)
	return rd.Status.LatestImage.Name
}

// content is what a claim that is made from an image has.
func (s *site) content(image string) map[string]string {
	s.t.Helper()
	name := "of-" + image
	s.create(s.pvc(name, image))
	return files(s.bound(name))
}

func TestVolSync(t *testing.T) {
	dr1, dr2 := sites(t)

	t.Run("a source brings its bytes to the other cluster, on time, and all goes with its objects", func(t *testing.T) {
		a, b := dr1.in(t, "sched"), dr2.in(t, "sched")
		was := len(b.left())
		folder := a.claim("data")
		put(t, folder, "deep/a", "first")
		rd := b.destination("data", "")
		b.create(rd)
		b.says("data", rd, "False", "Error", "secret key is missing")
		assert.Nil(t, rd.Status.RsyncTLS, "there is no address without a key")
		a.secret("key", psk)
		b.secret("key", psk)
		a.create(a.source("data", "data", b.address("data"), &volsyncv1alpha1.ReplicationSourceTriggerSpec{Schedule: new("*/1 * * * *")}))

		first := b.image("data", "")
		assert.Equal(t, "first", b.content(first)["deep/a"])
		rs := &volsyncv1alpha1.ReplicationSource{}
		a.says("data", rs, "False", "WaitingForSchedule", "")
		assert.NotNil(t, rs.Status.NextSyncTime)
		assert.NotNil(t, rs.Status.LastSyncTime)
		assert.Equal(t, volsyncv1alpha1.MoverResultSuccessful, rs.Status.LatestMoverStatus.Result)

		put(t, folder, "deep/b", "second")
		b.eventually("what was written later arrives", func() bool {
			return files(b.bound("volsync-data-dst"))["deep/b"] == "second"
		})
		second := b.image("data", first)
		b.gone(b.snapshot(first, ""))
		assert.NotEqual(t, first, second)

		a.deleted(rs)
		b.deleted(rd)
		b.gone(b.pvc("volsync-data-dst", ""))
		b.eventually("its images are gone", func() bool {
			list := &snapshotv1.VolumeSnapshotList{}
			return b.Client.List(t.Context(), list, client.InNamespace(b.namespace)) == nil && len(list.Items) == 0
		})
		a.gone(a.snapshot("volsync-data-src", ""))
		a.deleted(a.pvc("data", ""))
		b.deleted(b.pvc("of-"+first, ""))
		a.eventually("nothing is left", func() bool { return len(a.left()) == 0 })
		b.eventually("nothing is left", func() bool { return len(b.left()) == was })
	})

	t.Run("a wrong key is refused and told", func(t *testing.T) {
		a, b := dr1.in(t, "key"), dr2.in(t, "key")
		put(t, a.claim("data"), "a", "secret")
		a.secret("key", "volsyncramen:ffffffffffffffffffffffffffffffff")
		b.secret("key", psk)
		b.create(b.destination("data", ""))
		rs := a.source("data", "data", b.address("data"), manual("one"))
		a.create(rs)
		a.says("data", rs, "True", "Error", "key was refused")
		assert.NotContains(t, meta.FindStatusCondition(rs.Status.Conditions, "Synchronizing").Message, "ffff")
		assert.Equal(t, volsyncv1alpha1.MoverResultFailed, rs.Status.LatestMoverStatus.Result)
		assert.Nil(t, rs.Status.LastSyncTime)
		assert.Empty(t, files(b.bound("volsync-data-dst")))

		right := &corev1.Secret{}
		require.NoError(t, a.get("key", right))
		right.StringData = map[string]string{"psk.txt": psk + "\n"}
		require.NoError(t, a.Client.Update(t.Context(), right))
		a.claimed("data", "one")
		a.deleted(rs)
	})

	t.Run("a destination that waits takes another key by another name only", func(t *testing.T) {
		a, b := dr1.in(t, "rekey"), dr2.in(t, "rekey")
		put(t, a.claim("data"), "a", "1")
		b.secret("key", psk)
		b.create(b.destination("data", ""))
		address := b.address("data")
		b.says("data", &volsyncv1alpha1.ReplicationDestination{}, "True", "SyncInProgress", "awaited")
		const other = "volsyncramen:ffffffffffffffffffffffffffffffff"
		a.secret("key", other)
		rewritten := &corev1.Secret{}
		require.NoError(t, b.get("key", rewritten))
		rewritten.StringData = map[string]string{"psk.txt": other}
		require.NoError(t, b.Client.Update(t.Context(), rewritten))
		rs := a.source("data", "data", address, manual("one"))
		a.create(rs)
		a.says("data", rs, "True", "Error", "key was refused")

		b.secret("key-2", other)
		b.eventually("the destination is told another name", func() bool {
			rd := &volsyncv1alpha1.ReplicationDestination{}
			if b.get("data", rd) != nil {
				return false
			}
			rd.Spec.RsyncTLS.KeySecret = new("key-2")
			return b.Client.Update(t.Context(), rd) == nil
		})
		a.claimed("data", "one")
	})

	t.Run("a link that is cut holds the source up, and what it sends counts once it is whole", func(t *testing.T) {
		a, b := dr1.in(t, "cut"), dr2.in(t, "cut")
		folder := a.claim("data")
		put(t, folder, "a", "1")
		a.secret("key", psk)
		b.secret("key", psk)
		b.create(b.destination("data", ""))
		rs := a.source("data", "data", b.address("data"), manual("one"))
		a.create(rs)
		a.claimed("data", "one")
		first := b.image("data", "")
		a.says("data", rs, "False", "WaitingForManual", "")

		a.cut.Store(true)
		put(t, folder, "a", "2")
		a.ask("data", func(spec *volsyncv1alpha1.ReplicationSourceSpec) { spec.Trigger.Manual = "two" })
		a.says("data", rs, "True", "Error", "does not answer")
		assert.Equal(t, "one", rs.Status.LastManualSync)
		assert.NotNil(t, rs.Status.LastSyncStartTime)
		// The older synchronization claims whatever tag there is when it ends, with the bytes of its beginning.
		a.ask("data", func(spec *volsyncv1alpha1.ReplicationSourceSpec) { spec.Trigger.Manual = "three" })
		put(t, folder, "a", "3")
		a.cut.Store(false)
		a.claimed("data", "three")
		second := b.image("data", first)
		assert.Equal(t, map[string]string{"a": "2"}, b.content(second))

		a.ask("data", func(spec *volsyncv1alpha1.ReplicationSourceSpec) { spec.Trigger.Manual = "four" })
		a.claimed("data", "four")
		assert.Equal(t, map[string]string{"a": "3"}, b.content(b.image("data", second)))
	})

	t.Run("an image that is marked is given up and stays", func(t *testing.T) {
		a, b := dr1.in(t, "keep"), dr2.in(t, "keep")
		put(t, a.claim("data"), "a", "kept")
		a.secret("key", psk)
		b.secret("key", psk)
		b.claim("data")
		rd := b.destination("data", "data")
		b.create(rd)
		a.create(a.source("data", "data", b.address("data"), manual("one")))
		first := b.image("data", "")
		vs := b.ready(first)
		require.Len(t, vs.OwnerReferences, 1)
		b.eventually("image is marked", func() bool {
			if b.get(first, vs) != nil {
				return false
			}
			vs.Labels["volsync.backube/do-not-delete"] = "true"
			return b.Client.Update(t.Context(), vs) == nil
		})
		b.eventually("image is given up", func() bool {
			return b.get(first, vs) == nil && len(vs.OwnerReferences) == 0
		})
		assert.Equal(t, map[string]string{"volsync.backube/do-not-delete": "true"}, vs.Labels)
		a.ask("data", func(spec *volsyncv1alpha1.ReplicationSourceSpec) { spec.Trigger.Manual = "two" })
		a.claimed("data", "two")
		second := b.image("data", first)
		b.deleted(rd)
		b.gone(b.snapshot(second, ""))
		assert.Equal(t, map[string]string{"a": "kept"}, b.content(first))
		assert.Equal(t, map[string]string{"a": "kept"}, files(b.bound("data")), "the claim of somebody else stays")
	})

	t.Run("nothing is sent or received while one is paused", func(t *testing.T) {
		a, b := dr1.in(t, "pause"), dr2.in(t, "pause")
		put(t, a.claim("data"), "a", "1")
		a.secret("key", psk)
		b.secret("key", psk)
		rd := b.destination("data", "")
		rd.Spec.Paused = true
		b.create(rd)
		rs := a.source("data", "data", b.address("data"), manual("one"))
		a.create(rs)
		a.says("data", rs, "True", "Error", "takes nothing at the moment")
		b.eventually("destination goes on", func() bool {
			if b.get("data", rd) != nil {
				return false
			}
			rd.Spec.Paused = false
			return b.Client.Update(t.Context(), rd) == nil
		})
		a.claimed("data", "one")
		a.ask("data", func(spec *volsyncv1alpha1.ReplicationSourceSpec) { spec.Paused, spec.Trigger.Manual = true, "two" })
		a.says("data", rs, "True", "SyncInProgress", "paused")
		a.ask("data", func(spec *volsyncv1alpha1.ReplicationSourceSpec) { spec.Paused = false })
		a.claimed("data", "two")
	})

	t.Run("a source says what is wrong with its claim", func(t *testing.T) {
		a := dr1.in(t, "claim")
		a.secret("key", psk)
		rs := a.source("data", "data", "nowhere.dr2.lab", nil)
		a.create(rs)
		a.says("data", rs, "False", "Error", "claim data is missing")
		pending := a.pvc("data", "")
		pending.Spec.StorageClassName = new("none")
		a.create(pending)
		a.says("data", rs, "False", "Error", "claim data is not bound")
		a.deleted(pending)
		a.claim("data")
		a.says("data", rs, "True", "Error", "no destination listens")
	})

	t.Run("a claim is put back from an image on the same cluster", func(t *testing.T) {
		s := dr1.in(t, "local")
		put(t, s.claim("from"), "a", "before")
		put(t, s.claim("to"), "a", "after")
		s.secret("key", psk)
		rd := s.destination("to", "to")
		rd.Spec.RsyncTLS.CopyMethod = volsyncv1alpha1.CopyMethodDirect
		s.create(rd)
		rs := s.source("to", "from", s.address("to"), manual("back"))
		rs.Spec.RsyncTLS.CopyMethod = volsyncv1alpha1.CopyMethodDirect
		s.create(rs)
		s.claimed("to", "back")
		assert.Equal(t, map[string]string{"a": "before"}, files(s.bound("to")))
	})
}
