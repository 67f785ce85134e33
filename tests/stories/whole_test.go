// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/builtin"
	"github.com/ramendr/ramen-direct/spokectrl/objects/portable"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
)

// byHand are the objects of an application that nobody deploys, besides the Deployment and its claim.
const byHand = `{apiVersion: v1, kind: Secret, metadata: {name: password}, data: {password: c2VjcmV0}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: config, labels: {app: whole}, annotations: {note: kept}}, data: {a: b}}
---
{apiVersion: v1, kind: Service, metadata: {name: plain}, spec: {selector: {app: whole}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: headless}, spec: {clusterIP: None, selector: {app: whole}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: outside}, spec: {type: NodePort, selector: {app: whole}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: web}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: web}, rules: [{apiGroups: [""], resources: [secrets], verbs: [delete]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: web}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: web}, subjects: [{kind: ServiceAccount, name: web}]}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web}, spec: {minAvailable: 1, selector: {matchLabels: {app: whole}}}}`

// TestAnApplicationThatNobodyDeploysIsFailedOverWhole: its cluster is cut off. Everything that it consists of is on the peer,
// equal but for what one cluster makes up, and nothing else; its Pod came after its volume; and it continues with its records.
// A relocation back takes along what was made a moment before. When DR is disabled, the captures go.
func TestAnApplicationThatNobodyDeploysIsFailedOverWhole(t *testing.T) {
	l := shared.Lab(t)
	require.NoError(t, l.GrantObjects(t.Context()))
	a := protected(t, l, "whole", lab.DR1)
	a.Leave() // nobody deploys it from here on
	for text := range strings.SplitSeq(byHand, "\n---\n") {
		u := &unstructured.Unstructured{}
		require.NoError(t, yaml.Unmarshal([]byte(text), &u.Object))
		u.SetNamespace(a.App.Namespace)
		require.NoError(t, l.Cluster(lab.DR1).Client.Create(t.Context(), u))
	}
	a.Ask(func(spec *v1alpha1.DRPlacementControlSpec) {
		spec.KubeObjectProtection = &v1alpha1.KubeObjectProtectionSpec{CaptureInterval: &metav1.Duration{Duration: time.Second}}
	})
	asked := time.Now()
	a.Control("all that it consists of is captured", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		require.NotNil(c, drpc.Status.LastKubeObjectProtectionTime)
		assert.True(c, drpc.Status.LastKubeObjectProtectionTime.After(asked.Add(time.Second)))
		assert.True(c, meta.IsStatusConditionTrue(drpc.Status.Conditions, v1alpha1.ConditionProtected), "%+v", drpc.Status.Conditions)
	})
	before := consists(t, l, lab.DR1, a.App.Namespace)
	require.Len(t, before, 1+9, "the Deployment, and what was made by hand")

	since := time.Now()
	moved, err := a.FailoverWithout(t.Context(), lab.DR2, faultproxy.BlackHole)
	require.NoError(t, err)
	t.Logf("failed over: %s", moved.Loss)
	a.Control("all is restored", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.NotEqual(c, v1alpha1.ProgressionWaitingForResourceRestore, drpc.Status.Progression)
		available := meta.FindStatusCondition(drpc.Status.Conditions, v1alpha1.ConditionAvailable)
		assert.Equal(c, "the workload runs on dr2", available.Message)
	})
	assert.Equal(t, before, consists(t, l, lab.DR2, a.App.Namespace))
	podAfterVolume(t, a, since)

	require.NoError(t, a.App.RemoveFrom(t.Context(), lab.DR1, t.Logf))
	_, err = a.Return(t.Context(), lab.DR1)
	require.NoError(t, err)
	// The next capture is due in an hour, but for the relocation.
	a.Ask(func(spec *v1alpha1.DRPlacementControlSpec) {
		spec.KubeObjectProtection.CaptureInterval = &metav1.Duration{Duration: time.Hour}
	})
	a.Settled(v1alpha1.FailedOver, lab.DR2)
	late := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: a.App.Namespace, Name: "late"}}
	require.NoError(t, l.Cluster(lab.DR2).Client.Create(t.Context(), late))
	taken := takenFrom(t, a, lab.DR2)
	_, err = a.Relocate(t.Context(), lab.DR1)
	require.NoError(t, err)
	require.NoError(t, <-taken)
	require.NoError(t, l.Cluster(lab.DR1).Client.Get(t.Context(), client.ObjectKeyFromObject(late), late), "what was made a moment before comes along")
	_, err = a.Disable(t.Context())
	require.NoError(t, err)
}

// takenFrom has somebody take an application from a cluster when it is not to run there any more, as a user does who deploys it
// nowhere. A tool that keeps it away from every cluster but one would take what is restored on the target away, too.
func takenFrom(t *testing.T, a *actor, cluster string) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		ctx := t.Context()
		done <- wait.PollUntilContextTimeout(ctx, tick, patience, true, func(ctx context.Context) (bool, error) {
			drpc, err := a.App.Control(ctx)
			if err != nil || drpc.Spec.Action != v1alpha1.ActionRelocate || drpc.Status.Decisions == nil || slices.ContainsFunc(drpc.Status.Decisions, func(d v1alpha1.ClusterDecision) bool {
				return d.ClusterName == cluster && d.Reason == v1alpha1.DecisionRun
			}) {
				return false, nil //nolint:nilerr // asked again
			}
			return true, a.App.RemoveFrom(ctx, cluster, t.Logf)
		})
	}()
	return done
}

// podAfterVolume requires that no Pod of an application was made on dr2 before its claim was bound.
func podAfterVolume(t *testing.T, a *actor, since time.Time) {
	t.Helper()
	writes, err := a.Lab.Writes(lab.DR2, since)
	require.NoError(t, err)
	first := func(is func(lab.Write) bool) int {
		return slices.IndexFunc(writes, func(w lab.Write) bool { return w.Namespace == a.App.Namespace && w.Code < 300 && is(w) })
	}
	bound := first(func(w lab.Write) bool { return w.Resource == "persistentvolumeclaims" && w.Subresource == "status" })
	pod := first(func(w lab.Write) bool { return w.Resource == "pods" && w.Subresource == "" && w.Verb == "create" })
	require.GreaterOrEqual(t, bound, 0)
	assert.Greater(t, pod, bound)
}

// consists is what a namespace has on a cluster, as a capture of it has it, by the names of the objects. The namespace itself is
// left out: the mirror makes it.
func consists(t *testing.T, l *lab.Lab, cluster, namespace string) map[string]map[string]any {
	t.Helper()
	engine, err := builtin.New(l.Cluster(cluster).Config)
	require.NoError(t, err)
	var into parts
	ended := make(chan struct{})
	request := objects.CaptureRequest{
		Group: capsule.Group{Namespace: namespace, Name: "test"}, Into: &into, Select: objects.Selection{Namespaces: []string{namespace}}, Ended: func() { close(ended) },
	}
	_, err = engine.Capture(t.Context(), request)
	require.NoError(t, err)
	<-ended
	p, err := engine.Capture(t.Context(), request)
	require.NoError(t, err)
	require.NoError(t, p.Err)
	require.Empty(t, p.Findings.List)
	out := map[string]map[string]any{}
	for _, part := range into {
		for line := range bytes.Lines(part) {
			it, err := portable.Parse(line)
			require.NoError(t, err)
			if it.Resource != "namespaces" {
				out[it.Title()] = it.Object
			}
		}
	}
	return out
}

type parts [][]byte

func (p *parts) Put(_ context.Context, part []byte) error {
	*p = append(*p, part)
	return nil
}
