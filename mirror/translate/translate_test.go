// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/translate"
)

var (
	target = types.NamespacedName{Namespace: "app", Name: "db"}
	noon   = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
)

// object is an object of our kind with the given parts; nil parts are left out.
func object(namespace, name, uid string, generation int64, annotations map[string]string, spec, status map[string]any) *translate.Object {
	o := &translate.Object{Object: map[string]any{"apiVersion": "ramendr.openshift.io/v1alpha1", "kind": "VolumeReplicationGroup"}}
	o.SetNamespace(namespace)
	o.SetName(name)
	o.SetUID(types.UID(uid))
	o.SetGeneration(generation)
	o.SetAnnotations(annotations)
	if spec != nil {
		o.Object["spec"] = spec
	}
	if status != nil {
		o.Object["status"] = status
	}
	return o
}

func newWish() *translate.Object {
	o := object("outbox-dr1", "app.db", "wish", 3, map[string]string{
		exchange.AnnotationNamespace: "app", exchange.AnnotationName: "db", exchange.AnnotationOrigin: "hub", exchange.AnnotationEpoch: "2",
		exchange.AnnotationDRPC: "app/drpc", "drplacementcontrol.ramendr.openshift.io/drpc-uid": "d", "kubectl.kubernetes.io/last": "no",
	}, map[string]any{"replicationState": "primary", "s3Profiles": []any{"a", "b"}}, nil)
	o.SetFinalizers([]string{exchange.FinalizerWish})
	o.SetLabels(map[string]string{"ramendr.openshift.io/created-by-ramen": "true"})
	return o
}

// stored is what an API server holds after manager applied intent.
func stored(intent *translate.Object, uid string, manager string) *translate.Object {
	o := intent.DeepCopy()
	o.SetUID(types.UID(uid))
	o.SetResourceVersion("10")
	metadata := map[string]any{"f:annotations": leaves(o.GetAnnotations())}
	if len(o.GetLabels()) > 0 {
		metadata["f:labels"] = leaves(o.GetLabels())
	}
	fields := map[string]any{"f:metadata": metadata}
	for key, value := range o.Object {
		if m, ok := value.(map[string]any); ok && key != "metadata" {
			fields["f:"+key] = leaves(m)
		}
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: manager, Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(string(raw))}})
	return o
}

func leaves[V any](m map[string]V) map[string]any {
	out := map[string]any{}
	for key := range m {
		out["f:"+key] = map[string]any{}
	}
	return out
}

func newCopy() *translate.Object {
	return stored(translate.CopyOf(newWish(), target), "copy", translate.ManagerCopy)
}

func annotate(o *translate.Object, key, value string) {
	a := maps.Clone(o.GetAnnotations())
	if a == nil {
		a = map[string]string{}
	}
	a[key] = value
	o.SetAnnotations(a)
}

func deleting(o *translate.Object) {
	now := metav1.NewTime(noon)
	o.SetDeletionTimestamp(&now)
}

func TestDecide(t *testing.T) {
	type change = func(wish, clone *translate.Object)
	for name, tc := range map[string]struct {
		none   bool // no copy
		change change
		verb   translate.Verb
		reason string
		doubt  bool
		ended  bool // the cluster has seen its deletion before
	}{
		"nothing to do when the copy is as wished": {verb: translate.Nothing},
		"a copy that is missing is created":        {none: true, verb: translate.Create},
		"a copy that was there before needs a look at the wish": {none: true, verb: translate.Create, doubt: true, change: func(wish, _ *translate.Object) {
			wish.Object["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Applied", "status": "True"}}}
		}},
		"a wish that was deleted before makes no copy": {none: true, verb: translate.Refuse, reason: "EndedBefore", doubt: true, ended: true},
		"a wish that was deleted before is obeyed where its copy is": {verb: translate.Update, ended: true, change: func(wish, _ *translate.Object) {
			wish.SetGeneration(4)
		}},
		"the deletion of a wish that was deleted before is done": {none: true, verb: translate.Nothing, ended: true, change: func(wish, _ *translate.Object) { deleting(wish) }},
		"another spec is applied": {verb: translate.Update, change: func(wish, _ *translate.Object) {
			wish.Object["spec"].(map[string]any)["replicationState"] = "secondary"
		}},
		"a field that the wish gave up is given up": {verb: translate.Update, change: func(wish, _ *translate.Object) {
			delete(wish.Object["spec"].(map[string]any), "s3Profiles")
		}},
		"an annotation that the wish gave up is given up": {verb: translate.Update, change: func(wish, _ *translate.Object) {
			a := wish.GetAnnotations()
			delete(a, "drplacementcontrol.ramendr.openshift.io/drpc-uid")
			wish.SetAnnotations(a)
		}},
		"another generation is applied though nothing else changed": {verb: translate.Update, change: func(wish, _ *translate.Object) {
			wish.SetGeneration(4)
		}},
		"defaults of an API server are left alone": {verb: translate.Nothing, change: func(_, clone *translate.Object) {
			clone.Object["spec"].(map[string]any)["defaulted"] = "x"
		}},
		"what somebody else added to the spec is overwritten": {verb: translate.Overwrite, change: func(_, clone *translate.Object) {
			clone.Object["spec"].(map[string]any)["runFinalSync"] = true
			clone.SetManagedFields(append(clone.GetManagedFields(), metav1.ManagedFieldsEntry{Manager: "kubectl-edit", Operation: metav1.ManagedFieldsOperationUpdate,
				FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:runFinalSync":{}}}`)}))
		}},
		"labels and finalizers of the spoke are left alone": {verb: translate.Nothing, change: func(_, clone *translate.Object) {
			clone.SetLabels(map[string]string{"ramendr.openshift.io/created-by-ramen": "true", "own": "x"})
			clone.SetFinalizers([]string{"f"})
		}},
		"a wish without an origin is refused": {verb: translate.Refuse, reason: "InvalidWish", change: func(wish, _ *translate.Object) {
			annotate(wish, exchange.AnnotationOrigin, "")
		}},
		"a wish without a target is refused": {verb: translate.Refuse, reason: "InvalidWish", change: func(wish, _ *translate.Object) {
			annotate(wish, exchange.AnnotationName, "")
		}},
		"a wish with a broken epoch is refused": {verb: translate.Refuse, reason: "InvalidWish", change: func(wish, _ *translate.Object) {
			annotate(wish, exchange.AnnotationEpoch, "two")
		}},
		"a lower epoch is refused": {verb: translate.Refuse, reason: "EpochRefused", change: func(_, clone *translate.Object) {
			annotate(clone, exchange.AnnotationEpoch, "3")
		}},
		"an unreadable epoch of the copy is no epoch 0": {verb: translate.Refuse, reason: "EpochRefused", change: func(_, clone *translate.Object) {
			annotate(clone, exchange.AnnotationEpoch, "?")
		}},
		"a lower generation in the same epoch is refused": {verb: translate.Refuse, reason: "EpochRefused", doubt: true, change: func(wish, clone *translate.Object) {
			annotate(clone, exchange.AnnotationWishGeneration, "4")
			wish.Object["spec"].(map[string]any)["replicationState"] = "secondary"
		}},
		"a lower generation that asks for what is is applied, for its answer": {verb: translate.Update, doubt: true, change: func(_, clone *translate.Object) {
			annotate(clone, exchange.AnnotationWishGeneration, "4")
		}},
		"a lower generation that would take a field away is refused": {verb: translate.Refuse, reason: "EpochRefused", doubt: true, change: func(wish, clone *translate.Object) {
			annotate(clone, exchange.AnnotationWishGeneration, "4")
			delete(wish.Object["spec"].(map[string]any), "s3Profiles")
		}},
		"a lower generation that would take an annotation away is refused": {verb: translate.Refuse, reason: "EpochRefused", doubt: true, change: func(wish, clone *translate.Object) {
			annotate(clone, exchange.AnnotationWishGeneration, "4")
			a := wish.GetAnnotations()
			delete(a, "drplacementcontrol.ramendr.openshift.io/drpc-uid")
			wish.SetAnnotations(a)
		}},
		"a lower generation that would add a label is refused": {verb: translate.Refuse, reason: "EpochRefused", doubt: true, change: func(wish, clone *translate.Object) {
			annotate(clone, exchange.AnnotationWishGeneration, "4")
			wish.SetLabels(map[string]string{"ramendr.openshift.io/created-by-ramen": "true", "another": "x"})
		}},
		"a lower generation does not overwrite what somebody else set": {verb: translate.Refuse, reason: "EpochRefused", doubt: true, change: func(_, clone *translate.Object) {
			annotate(clone, exchange.AnnotationWishGeneration, "4")
			clone.Object["spec"].(map[string]any)["runFinalSync"] = true
			clone.SetManagedFields(append(clone.GetManagedFields(), metav1.ManagedFieldsEntry{Manager: "kubectl-edit", Operation: metav1.ManagedFieldsOperationUpdate,
				FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:runFinalSync":{}}}`)}))
		}},
		"a lower generation in a higher epoch is applied": {verb: translate.Update, doubt: true, change: func(wish, clone *translate.Object) {
			annotate(clone, exchange.AnnotationWishGeneration, "4")
			annotate(wish, exchange.AnnotationEpoch, "3")
		}},
		"another wish of the same hub takes the copy over, after a second look": {verb: translate.Update, doubt: true, change: func(_, clone *translate.Object) {
			annotate(clone, exchange.AnnotationWishUID, "older")
		}},
		"a copy of another hub is refused": {verb: translate.Refuse, reason: "OwnedElsewhere", change: func(_, clone *translate.Object) {
			annotate(clone, exchange.AnnotationOrigin, "elsewhere")
		}},
		"a copy of another hub is adopted by its UID": {verb: translate.Update, change: func(wish, clone *translate.Object) {
			annotate(clone, exchange.AnnotationOrigin, "elsewhere")
			annotate(wish, exchange.AnnotationAdoptUID, "copy")
		}},
		"adoption does not lift the epoch": {verb: translate.Refuse, reason: "EpochRefused", change: func(wish, clone *translate.Object) {
			annotate(clone, exchange.AnnotationOrigin, "elsewhere")
			annotate(clone, exchange.AnnotationEpoch, "9")
			annotate(wish, exchange.AnnotationAdoptUID, "copy")
		}},
		"a copy that is going is waited for": {verb: translate.Refuse, reason: "CopyTerminating", change: func(_, clone *translate.Object) {
			deleting(clone)
		}},
		"a deleted wish first marks its copy": {verb: translate.Mark, change: func(wish, _ *translate.Object) { deleting(wish) }},
		"a mark of another wish is none": {verb: translate.Mark, change: func(wish, clone *translate.Object) {
			deleting(wish)
			annotate(clone, exchange.AnnotationEndedBy, "another")
		}},
		"a deleted wish deletes its marked copy": {verb: translate.Delete, change: func(wish, clone *translate.Object) {
			deleting(wish)
			annotate(clone, exchange.AnnotationEndedBy, "wish")
		}},
		"a copy that somebody else deletes is marked for a deleted wish": {verb: translate.Mark, change: func(wish, clone *translate.Object) { deleting(wish); deleting(clone) }},
		"a deleted wish without a copy is done":                          {none: true, verb: translate.Nothing, change: func(wish, _ *translate.Object) { deleting(wish) }},
		"a copy that is going is not deleted again": {verb: translate.Nothing, change: func(wish, clone *translate.Object) {
			deleting(wish)
			deleting(clone)
			annotate(clone, exchange.AnnotationEndedBy, "wish")
		}},
		"a deleted wish does not delete the copy of another": {verb: translate.Refuse, reason: "OwnedElsewhere", change: func(wish, clone *translate.Object) {
			deleting(wish)
			annotate(clone, exchange.AnnotationWishUID, "another")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			wish, clone := newWish(), newCopy()
			if tc.change != nil {
				tc.change(wish, clone)
			}
			if tc.none {
				clone = nil
			}
			d := translate.Decide(wish, clone, translate.Place{Identity: "cluster-1", Ended: tc.ended})
			assert.Equal(t, tc.verb, d.Verb)
			assert.Equal(t, tc.reason, d.Reason)
			assert.Equal(t, tc.doubt, d.Doubtful)
			if tc.verb == translate.Refuse {
				assert.NotEmpty(t, d.Message)
			}
		})
	}
}

func TestX8_ASecretChangesHandsOnce(t *testing.T) {
	wished := func(hub string) *translate.Object {
		wish := newWish()
		wish.SetAPIVersion("v1")
		wish.SetKind("Secret")
		annotate(wish, exchange.AnnotationOrigin, hub)
		wish.SetUID(types.UID("wish of " + hub))
		return wish
	}
	copied := func(intent *translate.Object) *translate.Object { return stored(intent, "copy", translate.ManagerCopy) }

	of1 := copied(translate.Decide(wished("hub-1"), nil, translate.Place{Identity: "cluster-1"}).Intent)
	by2 := translate.Decide(wished("hub-2"), of1, translate.Place{Identity: "cluster-1"})
	require.Equal(t, translate.Update, by2.Verb)
	of2 := copied(by2.Intent)
	assert.Equal(t, "hub-2", of2.GetAnnotations()[exchange.AnnotationOrigin])

	back := translate.Decide(wished("hub-1"), of2, translate.Place{Identity: "cluster-1"})
	assert.Equal(t, translate.Refuse, back.Verb)
	assert.Contains(t, back.Message, "hub-2")
	assert.Equal(t, translate.Nothing, translate.Decide(wished("hub-2"), of2, translate.Place{Identity: "cluster-1"}).Verb)

	by3 := translate.Decide(wished("hub-3"), of2, translate.Place{Identity: "cluster-1"})
	require.Equal(t, translate.Update, by3.Verb)
	of3 := copied(by3.Intent)
	for _, former := range []string{"hub-1", "hub-2"} {
		assert.Equal(t, translate.Refuse, translate.Decide(wished(former), of3, translate.Place{Identity: "cluster-1"}).Verb, former)
	}
	nobodys := copied(of3)
	nobodys.SetAnnotations(nil)
	assert.Equal(t, translate.Refuse, translate.Decide(wished("hub-3"), nobodys, translate.Place{Identity: "cluster-1"}).Verb)
}

func TestOverwritingLeavesWhatIsNotOurs(t *testing.T) {
	clone := newCopy()
	clone.SetFinalizers([]string{"f"})
	clone.SetLabels(map[string]string{"own": "x"})
	clone.Object["status"] = map[string]any{"state": "Primary"}
	clone.Object["spec"].(map[string]any)["runFinalSync"] = true
	clone.SetManagedFields(append(clone.GetManagedFields(), metav1.ManagedFieldsEntry{Manager: "work", Operation: metav1.ManagedFieldsOperationApply,
		FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:runFinalSync":{}}}`)}))
	whole := translate.Decide(newWish(), clone, translate.Place{Identity: "cluster-1"}).Intent
	assert.Equal(t, newWish().Object["spec"], whole.Object["spec"])
	assert.Equal(t, []string{"f"}, whole.GetFinalizers())
	assert.Equal(t, map[string]string{"own": "x", "ramendr.openshift.io/created-by-ramen": "true"}, whole.GetLabels())
	assert.Equal(t, clone.Object["status"], whole.Object["status"])
	assert.Equal(t, "10", whole.GetResourceVersion())
}

func TestSatisfied(t *testing.T) {
	intent := func(spec map[string]any) *translate.Object { return object("n", "o", "", 0, nil, spec, nil) }
	for name, tc := range map[string]struct {
		want, have map[string]any
		satisfied  bool
	}{
		"equal":                              {map[string]any{"a": "x"}, map[string]any{"a": "x"}, true},
		"another value":                      {map[string]any{"a": "x"}, map[string]any{"a": "y"}, false},
		"a missing field":                    {map[string]any{"a": "x"}, map[string]any{}, false},
		"a missing field that is empty":      {map[string]any{"a": map[string]any{}, "b": []any{}, "c": nil}, map[string]any{}, true},
		"false is not empty":                 {map[string]any{"a": false}, map[string]any{}, false},
		"zero is not empty":                  {map[string]any{"a": int64(0)}, map[string]any{}, false},
		"a list in another order":            {map[string]any{"a": []any{"x", "y"}}, map[string]any{"a": []any{"y", "x"}}, true},
		"a shorter list":                     {map[string]any{"a": []any{"x"}}, map[string]any{"a": []any{"x", "y"}}, false},
		"an item without a field it had":     {map[string]any{"a": []any{map[string]any{"n": "1"}}}, map[string]any{"a": []any{map[string]any{"n": "1", "m": "2"}}}, false},
		"a map where there was a scalar":     {map[string]any{"a": map[string]any{"b": "x"}}, map[string]any{"a": "x"}, false},
		"a field of somebody else beside it": {map[string]any{"a": "x"}, map[string]any{"a": "x", "b": "y"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.satisfied, translate.Satisfied(intent(tc.want), intent(tc.have), "m", ""))
		})
	}
	assert.False(t, translate.Satisfied(intent(nil), nil, "m", ""), "there is no object")
}

func TestConfigGoesDownByItsSpecAndUpByItsStatus(t *testing.T) {
	o := object("", "dr1", "u", 2, map[string]string{"a": "b"}, map[string]any{"replicationSchedules": []any{"1m"}, "new": "x"}, map[string]any{"clusterID": "id"})
	o.SetResourceVersion("7")
	down, up := translate.ConfigOf(o), translate.ConfigReport(o)
	assert.Equal(t, map[string]any{"name": "dr1"}, down.Object["metadata"])
	assert.Equal(t, o.Object["spec"], down.Object["spec"])
	assert.NotContains(t, down.Object, "status")
	assert.Equal(t, map[string]any{"name": "dr1"}, up.Object["metadata"])
	assert.Equal(t, o.Object["status"], up.Object["status"])
	assert.NotContains(t, up.Object, "spec")
}

func TestX13_AWishForAnotherClusterIsRefused(t *testing.T) {
	wish := newWish()
	annotate := func(o *translate.Object, key, value string) {
		a := o.GetAnnotations()
		a[key] = value
		o.SetAnnotations(a)
	}
	annotate(wish, "exchange.ramendr.openshift.io/spoke-id", "cluster-1")
	assert.Equal(t, translate.Create, translate.Decide(wish, nil, translate.Place{Identity: "cluster-1"}).Verb)
	d := translate.Decide(wish, nil, translate.Place{Identity: "cluster-2"})
	assert.Equal(t, translate.Refuse, d.Verb)
	assert.Equal(t, "OtherCluster", d.Reason)

	// The credentials of dr1 on the cluster of dr2: what dr2 was told stays.
	const key = "drplacementcontrol.ramendr.openshift.io/destination-cluster"
	annotate(wish, key, "dr1")
	clone := translate.Decide(wish, nil, translate.Place{Identity: "cluster-1"}).Intent.DeepCopy()
	clone.SetUID("copy")
	assert.NotEqual(t, translate.Refuse, translate.Decide(wish, clone, translate.Place{Identity: "cluster-1"}).Verb)
	annotate(clone, key, "dr2")
	d = translate.Decide(wish, clone, translate.Place{Identity: "cluster-1"})
	assert.Equal(t, translate.Refuse, d.Verb)
	assert.Equal(t, "OwnedElsewhere", d.Reason)
	annotate(wish, "exchange.ramendr.openshift.io/adopt-uid", "copy")
	assert.NotEqual(t, translate.Refuse, translate.Decide(wish, clone, translate.Place{Identity: "cluster-1"}).Verb)
}

func TestX6_AWishThatIsDeletedWithItsDefinitionEndsNothing(t *testing.T) {
	wish, clone := newWish(), newCopy()
	deleting(wish)
	gone := translate.Place{Identity: "cluster-1", Undefined: true}
	d := translate.Decide(wish, clone, gone)
	assert.Equal(t, translate.Refuse, d.Verb)
	assert.Equal(t, "DefinitionDeleted", d.Reason)

	annotate(clone, "exchange.ramendr.openshift.io/ended-by", "wish")
	assert.Equal(t, translate.Delete, translate.Decide(wish, clone, gone).Verb, "the hub said so before")
	assert.Equal(t, translate.Nothing, translate.Decide(wish, nil, gone).Verb)
}

func TestX14_AMarkSaysWhoseWishEndsTheProtectionAndNothingElse(t *testing.T) {
	wish, clone := newWish(), newCopy()
	deleting(wish)
	d := translate.Decide(wish, clone, translate.Place{Identity: "cluster-1"})
	require.Equal(t, translate.Mark, d.Verb)
	assert.Equal(t, map[string]string{"exchange.ramendr.openshift.io/ended-by": "wish"}, d.Intent.GetAnnotations())
	assert.NotContains(t, d.Intent.Object, "spec")
	assert.Equal(t, "app/db", d.Intent.GetNamespace()+"/"+d.Intent.GetName())

	wish.SetKind("Secret")
	clone.SetKind("Secret")
	assert.Equal(t, translate.Delete, translate.Decide(wish, clone, translate.Place{Identity: "cluster-1"}).Verb, "a Secret protects nothing")
}
