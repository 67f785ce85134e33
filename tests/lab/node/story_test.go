// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	replicationv1alpha1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/journal"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
	"github.com/ramendr/ramen-direct/tests/lab/node"
	"github.com/ramendr/ramen-direct/tests/lab/storage"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

const (
	namespace = "default"
	claim     = "data"
	interval  = time.Second
	patience  = time.Minute // for a machine that is busy with other things
	look      = 50 * time.Millisecond
)

// site is one cluster with its storage driver and its node.
type site struct {
	t       *testing.T
	name    string
	data    string
	address string
	*lab.Cluster
}

// run starts a process of a site; stop ends it and waits.
func (s *site) run(main func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- main(ctx) }()
	stop = func() {
		cancel()
		assert.NoError(s.t, <-done)
	}
	return stop
}

func (s *site) startNode() (stop func()) {
	return s.run(func(ctx context.Context) error {
		return node.Run(ctx, s.Config, node.Options{Cluster: s.name, Data: s.data})
	})
}

func (s *site) startStorage(peer string) (stop func()) {
	return s.run(func(ctx context.Context) error {
		return storage.Run(ctx, s.Config, storage.Options{
			Cluster: s.name, Data: s.data, Listen: s.address, Peer: peer, Speed: storage.Speed{"1m": interval},
		})
	})
}

// link stands between a driver and its peer, and can be cut.
func link(t *testing.T, to string, cut *atomic.Bool) string {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: to})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if cut.Load() {
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func key(name string) client.ObjectKey { return client.ObjectKey{Namespace: namespace, Name: name} }

func named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func (s *site) create(obj client.Object) { require.NoError(s.t, s.Client.Create(s.t.Context(), obj)) }

func (s *site) get(name string, obj client.Object) {
	require.NoError(s.t, s.Client.Get(s.t.Context(), key(name), obj))
}

func (s *site) eventually(what string, is func() bool) {
	s.t.Helper()
	require.Eventually(s.t, is, patience, look, "%s: %s", s.name, what)
}

func (s *site) gone(obj client.Object, what string) {
	s.t.Helper()
	require.NoError(s.t, client.IgnoreNotFound(s.Client.Delete(s.t.Context(), obj)))
	s.eventually(what+" is gone", func() bool {
		return apierrors.IsNotFound(s.Client.Get(s.t.Context(), client.ObjectKeyFromObject(obj), obj))
	})
}

func (s *site) claim(volume string) *corev1.PersistentVolumeClaim {
	pvc := &corev1.PersistentVolumeClaim{ObjectMeta: named(claim), Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		StorageClassName: ptr.To(lab.StorageClass),
		VolumeName:       volume,
		Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
	}}
	s.create(pvc)
	s.eventually("claim is bound", func() bool {
		s.get(claim, pvc)
		return pvc.Status.Phase == corev1.ClaimBound
	})
	return pvc
}

// restore makes a volume known that another cluster made, as a DR controller does from its store.
func (s *site) restore(pv *corev1.PersistentVolume) {
	pv = pv.DeepCopy()
	pv.ObjectMeta = metav1.ObjectMeta{Name: pv.Name, Annotations: pv.Annotations}
	pv.Spec.ClaimRef = &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: namespace, Name: claim}
	s.create(pv)
	s.claim(pv.Name)
}

func (s *site) pod(name string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: named(name), Spec: corev1.PodSpec{
		TerminationGracePeriodSeconds: ptr.To[int64](5),
		Containers: []corev1.Container{{
			Name: "writer", Image: "lab/writer", Args: []string{"--every=20ms"},
			VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/data"}},
		}},
		Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
		}}},
	}}
}

func ready(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue && pod.Status.Phase == corev1.PodRunning
		}
	}
	return false
}

func (s *site) startWriter() *corev1.Pod {
	pod := s.pod("writer")
	s.create(pod)
	s.eventually("writer is ready", func() bool { s.get("writer", pod); return ready(pod) })
	return pod
}

// replicate sets the role of the volume.
func (s *site) replicate(state replicationv1alpha1.ReplicationState, autoResync bool) {
	vr := &replicationv1alpha1.VolumeReplication{ObjectMeta: named(claim)}
	if err := s.Client.Get(s.t.Context(), key(claim), vr); apierrors.IsNotFound(err) {
		vr.Spec = replicationv1alpha1.VolumeReplicationSpec{
			VolumeReplicationClass: lab.VolumeReplicationClass, ReplicationState: state, AutoResync: autoResync,
			DataSource: corev1.TypedLocalObjectReference{Kind: "PersistentVolumeClaim", Name: claim},
		}
		s.create(vr)
		return
	}
	s.eventually("role is asked for", func() bool {
		s.get(claim, vr)
		vr.Spec.ReplicationState, vr.Spec.AutoResync = state, autoResync
		return s.Client.Update(s.t.Context(), vr) == nil
	})
}

// shows waits until conditions have these reasons, at the generation of the spec.
func (s *site) shows(reasons map[string]string) replicationv1alpha1.VolumeReplication {
	s.t.Helper()
	var vr replicationv1alpha1.VolumeReplication
	if !assert.Eventually(s.t, func() bool {
		s.get(claim, &vr)
		for kind, reason := range reasons {
			c := meta.FindStatusCondition(vr.Status.Conditions, kind)
			if c == nil || c.Reason != reason || c.ObservedGeneration != vr.Generation {
				return false
			}
		}
		return vr.Status.ObservedGeneration == vr.Generation
	}, patience, look) {
		text, _ := json.MarshalIndent(vr.Status, "", "  ")
		s.t.Fatalf("%s: VolumeReplication does not show %v:\n%s", s.name, reasons, text)
	}
	return vr
}

func (s *site) folder(handle, name string) string {
	return filepath.Join(storage.VolumesDir(s.data, s.name), handle, name)
}

func (s *site) records(handle, name string) journal.Report {
	s.t.Helper()
	r, err := journal.Verify(s.folder(handle, name))
	require.NoError(s.t, err)
	require.True(s.t, r.Intact(), "%s: %s", s.name, r)
	return r
}

func (s *site) state(handle string) engine.State {
	text, err := os.ReadFile(s.folder(handle, "state.json"))
	require.NoError(s.t, err)
	var st engine.State
	require.NoError(s.t, json.Unmarshal(text, &st))
	return st
}

// passes waits for a copy that began from now on.
func (s *site) passes(handle string) {
	s.t.Helper()
	from := time.Now()
	s.eventually("volume is copied", func() bool {
		p := s.state(handle).LastPass
		return p != nil && p.Start.After(from)
	})
}

// TestBytesMoveBetweenTwoClusters tells the whole life of a volume on two real API servers: relocate without the loss
// of one record, failover with the loss of what was not copied, return of the failed side.
func TestBytesMoveBetweenTwoClusters(t *testing.T) {
	if testing.Short() {
		t.Skip("starts API servers")
	}
	l := labtest.Start(t, lab.Options{})
	require.NoError(t, l.Install(t.Context()))
	var cut atomic.Bool
	sites := map[string]*site{}
	for _, name := range lab.Spokes() {
		sites[name] = &site{t: t, name: name, data: l.DataDir(), address: freeAddress(t), Cluster: l.Cluster(name)}
	}
	one, two := sites[lab.DR1], sites[lab.DR2]
	t.Cleanup(one.startStorage(link(t, two.address, &cut)))
	t.Cleanup(two.startStorage(link(t, one.address, &cut)))
	stopNode := one.startNode()
	t.Cleanup(two.startNode())

	// A volume is made and written.
	pvc := one.claim("")
	var pv corev1.PersistentVolume
	require.NoError(t, one.Client.Get(t.Context(), client.ObjectKey{Name: pvc.Spec.VolumeName}, &pv))
	require.Equal(t, storage.Driver, pv.Spec.CSI.Driver)
	handle := pv.Spec.CSI.VolumeHandle
	writer := one.startWriter()
	one.eventually("records are written", func() bool { return one.records(handle, "data").Count > 10 })

	// Pods end with the node's process and are started again by the next.
	stopNode()
	t.Cleanup(one.startNode())
	one.eventually("writer was restarted", func() bool {
		one.get("writer", writer)
		return ready(writer) && writer.Status.ContainerStatuses[0].RestartCount == 1
	})

	one.replicate(replicationv1alpha1.Primary, false)
	one.shows(map[string]string{"Completed": "Promoted", "Degraded": "Healthy", "Resyncing": "NotResyncing", "Replicating": "Replicating"})
	one.passes(handle)
	one.eventually("copy is reported", func() bool {
		vr := one.shows(nil)
		return vr.Status.LastSyncTime != nil && vr.Status.LastSyncBytes != nil && vr.Status.LastSyncDuration != nil
	})
	one.get(claim, pvc)
	assert.Contains(t, pvc.Finalizers, "replication.storage.openshift.io/pvc-protection")
	assert.Contains(t, one.shows(nil).Finalizers, "replication.storage.openshift.io")

	// Relocate: not while it is in use.
	one.replicate(replicationv1alpha1.Secondary, false)
	vr := one.shows(map[string]string{"Completed": "FailedToDemote", "Degraded": "Error"})
	assert.Contains(t, meta.FindStatusCondition(vr.Status.Conditions, "Completed").Message, "default/writer")
	one.gone(writer, "writer")
	vr = one.shows(map[string]string{"Completed": "Demoted", "Degraded": "Healthy", "Resyncing": "NotResyncing"})
	assert.Equal(t, replicationv1alpha1.SecondaryState, vr.Status.State)
	assert.Nil(t, vr.Status.LastSyncTime)
	written := one.records(handle, "current").Count

	one.gone(&vr, "VolumeReplication")
	one.gone(pvc, "claim")
	one.gone(&pv, "volume")
	assert.Equal(t, written, one.records(handle, "current").Count, "a secondary is kept as a destination")

	pv.Spec.CSI.VolumeHandle = handle
	two.restore(&pv)
	two.replicate(replicationv1alpha1.Primary, false)
	two.shows(map[string]string{"Completed": "Promoted", "Degraded": "Healthy"})
	assert.Equal(t, written, two.records(handle, "data").Count, "a relocate lost records")
	writer = two.startWriter()
	two.passes(handle)
	assert.Greater(t, one.records(handle, "current").Count, written, "the old primary is no destination")

	// Failover: dr2 goes on writing, but nothing leaves it any more.
	cut.Store(true)
	at := time.Now()
	two.shows(map[string]string{"Completed": "Promoted", "Replicating": "NotReplicating"})
	one.restore(&pv)
	waiting := one.pod("waiting")
	one.create(waiting)
	one.eventually("Pod says what it waits for", func() bool {
		one.get("waiting", waiting)
		return waiting.Status.Message != "" && waiting.Status.ContainerStatuses[0].State.Waiting != nil
	})
	assert.Contains(t, waiting.Status.Message, "secondary")
	one.gone(waiting, "waiting Pod")
	one.replicate(replicationv1alpha1.Primary, false)
	one.shows(map[string]string{"Completed": "Promoted"})
	lost := two.records(handle, "data").After(one.records(handle, "data").Last.Number)
	require.NotEmpty(t, lost)
	last := two.state(handle).LastPass
	assert.False(t, lost[0].Time.Before(last.Start), "a record from before the last copy was lost")
	t.Logf("%d records lost, the oldest %s before the cut", len(lost), at.Sub(lost[0].Time))
	assert.LessOrEqual(t, at.Sub(lost[0].Time), interval+last.Duration+5*time.Second)

	// Return: two primaries are said to be two, until one gives in.
	cut.Store(false)
	for _, s := range sites {
		s.shows(map[string]string{"Completed": "Promoted", "Degraded": "VolumeDegraded", "Replicating": "NotReplicating"})
	}
	two.gone(writer, "writer")
	all := two.records(handle, "data")
	two.replicate(replicationv1alpha1.Secondary, false)
	vr = two.shows(map[string]string{"Completed": "Demoted", "Degraded": "VolumeDegraded", "Resyncing": "NotResyncing"})
	two.replicate(replicationv1alpha1.Secondary, true)
	two.shows(map[string]string{"Completed": "Demoted", "Degraded": "Healthy", "Resyncing": "NotResyncing"})
	assert.Equal(t, one.records(handle, "data").Count, two.records(handle, "current").Count)
	aside, err := filepath.Glob(two.folder(handle, "diverged-*"))
	require.NoError(t, err)
	require.Len(t, aside, 1)
	kept, err := journal.Verify(aside[0])
	require.NoError(t, err)
	assert.Equal(t, all.Count, kept.Count, "the side that gave in lost its own records")
	one.shows(map[string]string{"Completed": "Promoted", "Degraded": "Healthy", "Replicating": "Replicating"})

	// The end of replication and of the volume.
	one.gone(&replicationv1alpha1.VolumeReplication{ObjectMeta: named(claim)}, "VolumeReplication")
	assert.DirExists(t, one.folder(handle, "data"))
	one.gone(&corev1.PersistentVolumeClaim{ObjectMeta: named(claim)}, "claim")
	one.eventually("bytes are gone", func() bool {
		_, err := os.Stat(filepath.Dir(one.folder(handle, "data")))
		return os.IsNotExist(err)
	})
}

func TestAPodOfAnUnknownImageFails(t *testing.T) {
	if testing.Short() {
		t.Skip("starts API servers")
	}
	l := labtest.Start(t, lab.Options{})
	one := &site{t: t, name: lab.DR1, data: l.DataDir(), Cluster: l.Cluster(lab.DR1)}
	t.Cleanup(one.startNode())
	pod := &corev1.Pod{ObjectMeta: named("other"), Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "other:1"}}}}
	one.create(pod)
	one.eventually("Pod failed", func() bool { one.get("other", pod); return pod.Status.Phase == corev1.PodFailed })
	assert.Contains(t, pod.Status.Message, `"other:1"`)
	one.gone(pod, "Pod")

	pause := &corev1.Pod{ObjectMeta: named("pause"), Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "lab/pause:1"}}}}
	one.create(pause)
	one.eventually("Pod is ready", func() bool { one.get("pause", pause); return ready(pause) })
	var n corev1.Node
	require.NoError(t, one.Client.Get(t.Context(), client.ObjectKey{Name: pause.Spec.NodeName}, &n))
	assert.Equal(t, corev1.ConditionTrue, n.Status.Conditions[0].Status)
	one.gone(pause, "Pod")
}
