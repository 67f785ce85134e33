// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

func TestX1_TheMirrorWritesCopyReportAndDeliveryAndNothingElse(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.applied(wish, metav1.ConditionTrue, "Applied")

	clone := w.copy("db")
	assert.Equal(t, wish.Spec, clone.Spec)
	assert.Equal(t, "true", clone.Labels["ramendr.openshift.io/created-by-ramen"])
	assert.Equal(t, w.cluster, clone.Annotations["drplacementcontrol.ramendr.openshift.io/destination-cluster"])
	assert.Equal(t, string(wish.UID), clone.Annotations["exchange.ramendr.openshift.io/wish-uid"])
	assert.Empty(t, clone.Finalizers)

	report := w.report("db")
	assert.Equal(t, clone.Spec, report.Spec)
	assert.Equal(t, v1alpha1.SecondaryState, report.Status.State)
	now := w.get(w.hub, wish.Namespace, wish.Name)
	assert.Equal(t, wish.Generation, now.Generation, "only the status of a wish may be written")
	assert.Equal(t, wish.Annotations, now.Annotations)
	assert.Zero(t, w.spokeWire.writesTo("/status"), "the status of a copy is the spoke's")
}

func TestX1_WhatIsChangedOnTheSpokeIsChangedBack(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")

	edit(w, w.spoke, w.copy("db"), func(vrg *v1alpha1.VolumeReplicationGroup) {
		vrg.Spec.ReplicationState = v1alpha1.Primary
		vrg.Spec.RunFinalSync = true // a field that the wish does not name
	})
	w.eventually(func() bool {
		spec := w.copy("db").Spec
		return spec.ReplicationState == v1alpha1.Secondary && !spec.RunFinalSync
	}, "the copy is not as wished")

	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Spec.ProtectedNamespaces = []string{"ours"} })
	w.carriedOut(wish, "db")
	item := client.RawPatch(types.ApplyPatchType, []byte(`{"apiVersion":"ramendr.openshift.io/v1alpha1","kind":"VolumeReplicationGroup","metadata":{"name":"db"},"spec":{"protectedNamespaces":["stranger"]}}`))
	require.NoError(t, w.spoke.Patch(t.Context(), w.copy("db"), item, client.FieldOwner("kubectl"))) // as kubectl apply --server-side does
	w.eventually(func() bool { return slices.Equal(w.copy("db").Spec.ProtectedNamespaces, []string{"ours"}) }, "the list is not as wished")
}

func TestX2_LongestNamesWork(t *testing.T) {
	w := newWorld(t)
	w.start()
	namespace, name := "x"+strings.Repeat("n", 62), strings.Repeat("v", 253)
	wish := w.newWish(namespace, name)
	w.create(w.hub, wish)
	w.eventually(func() bool { return w.get(w.spoke, namespace, name) != nil }, "no copy under its real name")
	w.eventually(func() bool {
		report := w.get(w.hub, exchange.Inbox(w.cluster), exchange.ObjectName(namespace, name))
		return report != nil && report.Annotations[exchange.AnnotationName] == name
	}, "no report")
}

func TestX2_OneNameInTwoNamespacesAreTwoCopies(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.create(w.hub, w.newWish(w.app+"-a", "db"))
	w.create(w.hub, w.newWish(w.app+"-b", "db"))
	w.eventually(func() bool { return w.get(w.spoke, w.app+"-a", "db") != nil && w.get(w.spoke, w.app+"-b", "db") != nil }, "not both copies exist")
	w.eventually(w.inboxComplete, "not both are reported")
}

func TestX2_AWishUnderAnotherNameIsRefused(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.newWish(w.app, "db")
	wish.Name = "other"
	w.create(w.hub, wish)
	w.applied(wish, metav1.ConditionFalse, "InvalidWish")
	assert.Nil(t, w.copy("db"))
}

func TestX3_AnAnswerNeedsTheSpokeToHaveCaughtUp(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")

	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Spec.ReplicationState = v1alpha1.Primary })
	w.eventually(func() bool {
		report := w.report("db")
		return report.Status.Exchange.WishGeneration == wish.Generation && report.Spec.ReplicationState == v1alpha1.Primary
	}, "the report does not show the new wish")
	assert.False(t, exchange.Answers(wish, w.report("db")), "the spoke has not looked yet")
	assert.Equal(t, v1alpha1.SecondaryState, w.report("db").Status.State)
	w.carriedOut(wish, "db")
	assert.Equal(t, v1alpha1.PrimaryState, w.report("db").Status.State)
}

func TestX4_AbsenceIsKnownOnceTheDigestMatches(t *testing.T) {
	w := newWorld(t)
	stop := w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.eventually(w.inboxComplete, "the digest does not match the inbox")
	stop()

	// While the mirror is away the hub's copy of the inventory is what it was; a report that is lost is no absence.
	require.NoError(t, w.hub.Delete(t.Context(), w.report("db")))
	assert.False(t, w.inboxComplete())
	w.start()
	w.eventually(w.inboxComplete, "the digest does not match the inbox")
	assert.NotNil(t, w.report("db"))
}

func TestX6_ACopyIsDeletedForItsOwnWishOnly(t *testing.T) {
	w := newWorld(t)
	stop := w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.applied(wish, metav1.ConditionTrue, "Applied")

	// A wish that is gone without having been deleted in order means nothing.
	stop()
	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Finalizers = nil })
	require.NoError(t, w.hub.Delete(t.Context(), wish))
	stop = w.start()
	w.quiet()
	require.NotNil(t, w.copy("db"))
	require.NotNil(t, w.report("db"), "what has no wish is reported all the same")

	// Nor does the deletion of another wish of that name: the copy does not carry its UID.
	stop()
	other := w.wish("db")
	require.NoError(t, w.hub.Delete(t.Context(), other))
	w.start()
	w.applied(other, metav1.ConditionFalse, "OwnedElsewhere")
	assert.NotNil(t, w.copy("db"))
}

func TestX6_X10_DeletionIsFollowedFromWishToReport(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.eventually(func() bool { return w.copy("db") != nil }, "no copy")
	edit(w, w.spoke, w.copy("db"), func(vrg *v1alpha1.VolumeReplicationGroup) { vrg.Finalizers = []string{v1alpha1.VRGFinalizer} })
	w.carriedOut(wish, "db")

	require.NoError(t, w.hub.Delete(t.Context(), wish))
	w.eventually(func() bool {
		r := w.report("db")
		return r != nil && r.Status.Exchange != nil && r.Status.Exchange.SpokeDeleting
	}, "the report does not say that the copy is terminating")
	assert.NotNil(t, w.copy("db"))
	assert.Equal(t, string(wish.UID), w.copy("db").Annotations["exchange.ramendr.openshift.io/ended-by"], "it was marked before it was deleted (X14)")

	edit(w, w.spoke, w.copy("db"), func(vrg *v1alpha1.VolumeReplicationGroup) { vrg.Finalizers = nil })
	w.eventually(func() bool { return w.copy("db") == nil && w.report("db") == nil }, "copy and report are not gone")
	w.eventually(w.inboxComplete, "the absence is not known")
	w.applied(wish, metav1.ConditionTrue, "Deleted")
	var ns corev1.Namespace
	require.NoError(t, w.spoke.Get(t.Context(), client.ObjectKey{Name: w.app}, &ns))
	assert.Nil(t, ns.DeletionTimestamp)
}

func TestX14_OnlyAWishThatIsDeletedMarksTheCopy(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.eventually(func() bool { return w.copy("db") != nil }, "no copy")
	edit(w, w.spoke, w.copy("db"), func(vrg *v1alpha1.VolumeReplicationGroup) { vrg.Finalizers = []string{v1alpha1.VRGFinalizer} })
	w.carriedOut(wish, "db")

	require.NoError(t, w.spoke.Delete(t.Context(), w.copy("db")))
	w.eventually(func() bool {
		r := w.report("db")
		return r != nil && r.Status.Exchange != nil && r.Status.Exchange.SpokeDeleting
	}, "the report does not say that the copy is terminating")
	w.quiet()
	assert.NotContains(t, w.copy("db").Annotations, "exchange.ramendr.openshift.io/ended-by", "nobody wishes the end")

	require.NoError(t, w.hub.Delete(t.Context(), wish))
	w.eventually(func() bool {
		return w.copy("db").Annotations["exchange.ramendr.openshift.io/ended-by"] == string(wish.UID)
	}, "the copy is not marked")
	assert.Equal(t, wish.Spec, w.copy("db").Spec, "nothing else of it changes")
}

func TestX6_AWishThatIsDeletedWithItsDefinitionDeletesNothing(t *testing.T) {
	w := newWorld(t)
	w.hubWire.answers(func(r *http.Request) string {
		if !strings.HasSuffix(r.URL.Path, "/customresourcedefinitions/volumereplicationgroups.ramendr.openshift.io") {
			return ""
		}
		return `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"volumereplicationgroups.ramendr.openshift.io","deletionTimestamp":"2026-01-01T12:00:00Z"}}`
	})
	w.start()
	wish := w.wish("db")
	wish.Finalizers = []string{"hub.example.com/wish"}
	require.NoError(t, w.hub.Update(t.Context(), wish))
	w.carriedOut(wish, "db")
	before := w.copy("db")
	require.NoError(t, w.hub.Delete(t.Context(), wish))
	w.eventually(func() bool {
		is := &v1alpha1.VolumeReplicationGroup{}
		if w.hub.Get(t.Context(), client.ObjectKeyFromObject(wish), is) != nil {
			return false
		}
		applied := meta.FindStatusCondition(is.Status.Conditions, "Applied")
		return applied != nil && applied.Reason == "DefinitionDeleted"
	}, "the wish does not say why it is not obeyed")
	w.quiet()
	assert.Equal(t, before, w.copy("db"), "the hub has not said that the protection ends")
}

func TestX6_ADeletionWhileTheMirrorIsDownIsObeyedLater(t *testing.T) {
	w := newWorld(t)
	stop := w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	stop()
	require.NoError(t, w.hub.Delete(t.Context(), wish))
	w.start()
	w.eventually(func() bool { return w.copy("db") == nil && w.report("db") == nil }, "the copy is not deleted")
}

func TestX8_ForeignObjectsAreAdoptedByUIDOnly(t *testing.T) {
	for name, owner := range map[string]map[string]string{
		"made by no mirror":    nil,
		"made for another hub": {exchange.AnnotationOrigin: "hub-0", exchange.AnnotationWishUID: "w", exchange.AnnotationEpoch: "1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.start()
			foreign := &v1alpha1.VolumeReplicationGroup{
				ObjectMeta: metav1.ObjectMeta{Namespace: w.app, Name: "db", Annotations: owner},
				Spec:       v1alpha1.VolumeReplicationGroupSpec{ReplicationState: v1alpha1.Primary, S3Profiles: []string{"s3-b"}, PrepareForFinalSync: true},
			}
			w.create(w.spoke, foreign)
			wish := w.wish("db")
			w.applied(wish, metav1.ConditionFalse, "OwnedElsewhere")
			assert.Equal(t, foreign.Spec, w.copy("db").Spec)

			edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Annotations[exchange.AnnotationAdoptUID] = "another" })
			w.quiet()
			assert.Equal(t, foreign.Spec, w.copy("db").Spec)

			edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) {
				wish.Annotations[exchange.AnnotationAdoptUID] = string(foreign.UID)
			})
			w.applied(wish, metav1.ConditionTrue, "Applied")
			clone := w.copy("db")
			assert.Equal(t, foreign.UID, clone.UID)
			assert.Equal(t, wish.Spec, clone.Spec, "what somebody else had set must not survive")
			assert.Equal(t, hubID, clone.Annotations[exchange.AnnotationOrigin])
		})
	}
}

func TestX9_ALowerEpochIsRefused(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.newWish(w.app, "db")
	wish.Annotations[exchange.AnnotationEpoch] = "7"
	w.create(w.hub, wish)
	w.applied(wish, metav1.ConditionTrue, "Applied")

	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) {
		wish.Annotations[exchange.AnnotationEpoch] = "6"
		wish.Spec.ReplicationState = v1alpha1.Primary
	})
	w.applied(wish, metav1.ConditionFalse, "EpochRefused")
	assert.Equal(t, v1alpha1.Secondary, w.copy("db").Spec.ReplicationState)
	assert.Equal(t, "7", w.copy("db").Annotations[exchange.AnnotationEpoch])

	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Annotations[exchange.AnnotationEpoch] = "8" })
	w.applied(wish, metav1.ConditionTrue, "Applied")
	assert.Equal(t, v1alpha1.Primary, w.copy("db").Spec.ReplicationState)
}

func TestX12_AMissingNamespaceIsMadeOnceAndLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.start()
	namespace := w.app + "-new"
	w.create(w.hub, w.newWish(namespace, "db"))
	w.eventually(func() bool { return w.get(w.spoke, namespace, "db") != nil }, "no copy")
	var ns corev1.Namespace
	require.NoError(t, w.spoke.Get(t.Context(), client.ObjectKey{Name: namespace}, &ns))
	assert.Equal(t, "true", ns.Labels["ramendr.openshift.io/created-by-ramen"])

	delete(ns.Labels, "ramendr.openshift.io/created-by-ramen")
	require.NoError(t, w.spoke.Update(t.Context(), &ns))
	w.create(w.hub, w.newWish(namespace, "db2"))
	w.eventually(func() bool { return w.get(w.spoke, namespace, "db2") != nil }, "no second copy")
	require.NoError(t, w.spoke.Get(t.Context(), client.ObjectKey{Name: namespace}, &ns))
	assert.NotContains(t, ns.Labels, "ramendr.openshift.io/created-by-ramen")
}

func TestX12_AMissingNamespaceIsMadeForASecretToo(t *testing.T) {
	w := newWorld(t)
	w.start()
	namespace := w.app + "-keys"
	wish := w.secretWish(namespace, "s3", "first")
	w.create(w.hub, wish)
	read := func() string {
		var s corev1.Secret
		if w.spoke.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "s3"}, &s) != nil {
			return ""
		}
		return string(s.Data["key"])
	}
	w.eventually(func() bool { return read() == "first" }, "the Secret is not copied")
	edit(w, w.hub, wish, func(s *corev1.Secret) { s.Data = map[string][]byte{"key": []byte("second")} })
	w.eventually(func() bool { return read() == "second" }, "the Secret does not follow")
	require.NoError(t, w.hub.Delete(t.Context(), wish))
	w.eventually(func() bool { return read() == "" }, "the Secret is not deleted")
	told := func() string { return w.lease().Annotations[exchange.AnnotationWithdrawn] }
	w.eventually(func() bool { return told() == string(wish.UID) }, "the lease does not tell that the cluster has none any more")
	edit(w, w.hub, wish, func(s *corev1.Secret) { s.Finalizers = nil })
	w.eventually(func() bool { return told() == "" }, "the lease tells of a wish that is gone")
}

// TestASecretThatIsNotOursCountsAsWithdrawn: it belongs to somebody else, and stays.
func TestASecretThatIsNotOursCountsAsWithdrawn(t *testing.T) {
	w := newWorld(t)
	w.start()
	foreign := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.app, Name: "foreign"}}
	w.create(w.spoke, foreign)
	wish := w.secretWish(w.app, "foreign", "x")
	w.create(w.hub, wish)
	w.eventually(func() bool { return w.lease().Annotations[exchange.AnnotationUndelivered] != "" }, "it is not refused")
	require.NoError(t, w.hub.Delete(t.Context(), wish))
	w.eventually(func() bool {
		a := w.lease().Annotations
		return a[exchange.AnnotationWithdrawn] == string(wish.UID) && a[exchange.AnnotationUndelivered] == ""
	}, "it is not told")
	require.NoError(t, w.spoke.Get(t.Context(), client.ObjectKeyFromObject(foreign), foreign))
}

// TestASecretComesBackWithItsGroup : deleting a namespace deletes both, and nobody sees that the Secret is gone.
func TestASecretComesBackWithItsGroup(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.applied(wish, metav1.ConditionTrue, "Applied")
	w.create(w.hub, w.secretWish(w.app, "psk", "key"))
	var s corev1.Secret
	there := func() bool {
		return w.spoke.Get(t.Context(), client.ObjectKey{Namespace: w.app, Name: "psk"}, &s) == nil
	}
	w.eventually(there, "the Secret is not copied")

	was := w.copy("db").UID
	require.NoError(t, w.spoke.Delete(t.Context(), &s))
	require.NoError(t, w.spoke.Delete(t.Context(), w.copy("db")))
	w.eventually(func() bool { return w.copy("db") != nil && w.copy("db").UID != was }, "the copy is not made again")
	require.Eventually(t, there, 30*time.Second, 50*time.Millisecond, "the Secret is not made again before the next look without cause")
}

func (w *world) secretWish(namespace, name, value string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: exchange.Outbox(w.cluster), Name: exchange.ObjectName(namespace, name), Finalizers: []string{exchange.FinalizerWish},
			Annotations: map[string]string{exchange.AnnotationNamespace: namespace, exchange.AnnotationName: name, exchange.AnnotationOrigin: hubID},
		},
		Data: map[string][]byte{"key": []byte(value)},
	}
}
