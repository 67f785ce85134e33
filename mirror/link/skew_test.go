// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"context"
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// schema is the part of a CRD that a test changes: the fields of spec or status.
type schema = map[string]apiextensionsv1.JSONSchemaProps

// changeSchema changes what an API server knows of VolumeReplicationGroups until the test ends.
func (w *world) changeSchema(on *rest.Config, part string, change func(schema)) {
	w.t.Helper()
	types := runtime.NewScheme()
	require.NoError(w.t, apiextensionsv1.AddToScheme(types))
	c, err := client.New(on, client.Options{Scheme: types})
	require.NoError(w.t, err)
	set := func(ctx context.Context, change func(schema)) {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		require.NoError(w.t, c.Get(ctx, client.ObjectKey{Name: "volumereplicationgroups.ramendr.openshift.io"}, crd))
		change(crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties[part].Properties)
		require.NoError(w.t, c.Update(ctx, crd))
	}
	set(w.t.Context(), func(s schema) {
		was := map[string]apiextensionsv1.JSONSchemaProps{}
		maps.Copy(was, s)
		w.t.Cleanup(func() {
			set(context.Background(), func(s schema) {
				clear(s)
				maps.Copy(s, was)
			})
		})
		change(s)
	})
}

func addField(s schema) { s["newField"] = apiextensionsv1.JSONSchemaProps{Type: "string"} }

// untyped reads a VolumeReplicationGroup with all of its fields.
func (w *world) untyped(c client.Client, namespace, name string) map[string]any {
	w.t.Helper()
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("VolumeReplicationGroup"))
	if err := c.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, u); err != nil {
		return map[string]any{}
	}
	return u.Object
}

// set sets a new field of an object until it stays: until the API server knows it.
func (w *world) set(c client.Client, namespace, name, part string) {
	w.t.Helper()
	w.eventually(func() bool {
		u := &unstructured.Unstructured{Object: w.untyped(c, namespace, name)}
		if unstructured.SetNestedField(u.Object, "new", part, "newField") != nil {
			return false
		}
		write := c.Update
		if part == "status" {
			write = func(ctx context.Context, obj client.Object, _ ...client.UpdateOption) error {
				return c.Status().Update(ctx, obj)
			}
		}
		if write(w.t.Context(), u) != nil {
			return false
		}
		_, kept, _ := unstructured.NestedString(u.Object, part, "newField")
		return kept
	}, "the API server does not know the new field")
}

func newField(obj map[string]any, part string) string {
	value, _, _ := unstructured.NestedString(obj, part, "newField")
	return value
}

func TestX7_FieldsThatTheMirrorDoesNotKnowPass(t *testing.T) {
	w := newWorld(t)
	for _, side := range []*rest.Config{hubAdmin, spokeAdmin} {
		w.changeSchema(side, "spec", addField)
		w.changeSchema(side, "status", addField)
	}
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.set(w.hub, wish.Namespace, wish.Name, "spec")
	w.eventually(func() bool { return newField(w.untyped(w.spoke, w.app, "db"), "spec") == "new" }, "the field of the spec does not pass")
	w.set(w.spoke, w.app, "db", "status")
	w.eventually(func() bool {
		return newField(w.untyped(w.hub, exchange.Inbox(w.cluster), wish.Name), "status") == "new"
	}, "the field of the status does not pass")
	assert.Equal(t, "new", newField(w.untyped(w.hub, exchange.Inbox(w.cluster), wish.Name), "spec"))
}

func TestX7_AFieldThatTheSpokeDoesNotKnowIsTold(t *testing.T) {
	w := newWorld(t)
	w.changeSchema(hubAdmin, "spec", addField)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.set(w.hub, wish.Namespace, wish.Name, "spec")
	w.applied(wish, metav1.ConditionFalse, "SchemaSkew")
	c := meta.FindStatusCondition(w.get(w.hub, wish.Namespace, wish.Name).Status.Conditions, v1alpha1.WishApplied)
	assert.Contains(t, c.Message, "spec.newField")
	w.carriedOut(wish, "db") // the rest is obeyed

	w.quiet()
	writes := w.spokeWire.writes()
	edit(w, w.spoke, w.copy("db"), func(vrg *v1alpha1.VolumeReplicationGroup) { vrg.Labels["changed"] = "yes" })
	w.eventually(func() bool { return w.report("db").Labels["changed"] == "yes" }, "the label is not reported")
	w.quiet()
	assert.Equal(t, writes, w.spokeWire.writes(), "what can't be stored is sent again and again")
}

func TestX7_AFieldThatTheHubDoesNotKnowIsTold(t *testing.T) {
	w := newWorld(t)
	w.changeSchema(spokeAdmin, "status", addField)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.set(w.spoke, w.app, "db", "status")
	w.eventually(func() bool { return w.lease().Annotations[exchange.AnnotationSkew] == "status.newField" }, "the lease does not tell")
	w.carriedOut(wish, "db")
	w.eventually(func() bool {
		return w.report("db").Status.Exchange.SpokeResourceVersion == w.copy("db").ResourceVersion
	}, "the rest is not reported")
}

func TestX5_AReportThatTheHubRefusesDoesNotStopTheOthers(t *testing.T) {
	w := newWorld(t)
	w.changeSchema(hubAdmin, "status", func(s schema) {
		limited := s["protectedPVCs"]
		limited.MaxItems = new(int64(1))
		s["protectedPVCs"] = limited
	})
	w.start()
	good, bad := w.wish("good"), w.wish("bad")
	w.carriedOut(good, "good")
	w.carriedOut(bad, "bad")
	w.eventually(w.inboxComplete, "the digest does not match the inbox")

	vrg := w.copy("bad")
	vrg.Status.ProtectedPVCs = []v1alpha1.ProtectedPVC{{Name: "a"}, {Name: "b"}}
	require.NoError(t, w.spoke.Status().Update(t.Context(), vrg))
	w.eventually(func() bool { return w.lease().Annotations[exchange.AnnotationUnreported] == w.app+"/bad" }, "the lease does not tell")
	assert.False(t, exchange.Answers(bad, w.report("bad")), "what can't be told any more must not look true")
	assert.False(t, w.inboxComplete())
	w.eventually(func() bool { return w.absent("other") }, "it is an obstacle to others")
	assert.False(t, w.absent("bad"), "it exists")

	edit(w, w.hub, good, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Spec.ReplicationState = v1alpha1.Primary })
	w.carriedOut(good, "good")

	vrg = w.copy("bad")
	vrg.Status.ProtectedPVCs = nil
	require.NoError(t, w.spoke.Status().Update(t.Context(), vrg))
	w.carriedOut(bad, "bad")
	w.eventually(w.inboxComplete, "the digest does not match the inbox")
	w.eventually(func() bool { return w.lease().Annotations[exchange.AnnotationUnreported] == "" }, "the lease still tells")
}

func TestX3_FiveHundredVolumesAreReported(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	vrg := w.copy("db")
	for range 500 {
		vrg.Status.ProtectedPVCs = append(vrg.Status.ProtectedPVCs, v1alpha1.ProtectedPVC{
			Namespace: w.app, Name: "data", Labels: map[string]string{"app": "a"}, Conditions: []metav1.Condition{
				{Type: "DataReady", Status: metav1.ConditionTrue, Reason: "Ready", Message: "the volume replicates as it should", LastTransitionTime: metav1.Now()},
				{Type: "DataProtected", Status: metav1.ConditionFalse, Reason: "Replicating", Message: "the volume replicates as it should", LastTransitionTime: metav1.Now()},
				{Type: "ClusterDataProtected", Status: metav1.ConditionTrue, Reason: "Uploaded", Message: "stored in s3-a and s3-b", LastTransitionTime: metav1.Now()},
			},
		})
	}
	require.NoError(t, w.spoke.Status().Update(t.Context(), vrg))
	w.eventually(func() bool { return len(w.report("db").Status.ProtectedPVCs) == 500 }, "not all volumes are reported")
}
