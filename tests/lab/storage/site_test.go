// SPDX-License-Identifier: Apache-2.0

package storage_test

import (
	"context"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
	"github.com/ramendr/ramen-direct/tests/lab/storage"
)

const (
	interval = time.Second
	patience = time.Minute // for a machine that is busy with other things
	look     = 50 * time.Millisecond
)

// site is one cluster with its driver, in one namespace.
type site struct {
	t         *testing.T
	namespace string
	data      string
	cut       *atomic.Bool // of the link from here to the peer
	*lab.Cluster
}

// sites starts a lab of clusters with a driver each. They end with the test.
func sites(t *testing.T) (a, b *site) {
	t.Helper()
	l := labtest.Start(t, lab.Options{})
	require.NoError(t, l.Install(t.Context()))
	data := t.TempDir()
	addresses := map[string]string{lab.DR1: freeAddress(t), lab.DR2: freeAddress(t)}
	start := func(name, peer string) *site {
		s := &site{t: t, data: data, cut: new(atomic.Bool), Cluster: l.Cluster(name)}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() {
			done <- storage.Run(ctx, s.Config, storage.Options{
				Cluster: name, Data: data, Listen: addresses[name], Peer: link(t, addresses[peer], s.cut),
				Speed: storage.Speed{"1m": interval},
			})
		}()
		t.Cleanup(func() {
			cancel()
			assert.NoError(t, <-done)
		})
		return s
	}
	return start(lab.DR1, lab.DR2), start(lab.DR2, lab.DR1)
}

// in is the site for one part of a test, in a namespace of its own.
func (s *site) in(t *testing.T, namespace string) *site {
	out := *s
	out.t, out.namespace = t, namespace
	require.NoError(t, s.Client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))
	return &out
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

func (s *site) named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: s.namespace, Name: name}
}

func (s *site) create(obj client.Object) {
	s.t.Helper()
	require.NoError(s.t, s.Client.Create(s.t.Context(), obj))
}

func (s *site) get(name string, obj client.Object) error {
	return s.Client.Get(s.t.Context(), client.ObjectKey{Namespace: s.namespace, Name: name}, obj)
}

func (s *site) eventually(what string, is func() bool) {
	s.t.Helper()
	require.Eventually(s.t, is, patience, look, "%s: %s", s.Name, what)
}

// deleted deletes an object and waits until it is gone.
func (s *site) deleted(obj client.Object) {
	s.t.Helper()
	require.NoError(s.t, client.IgnoreNotFound(s.Client.Delete(s.t.Context(), obj)))
	s.gone(obj)
}

func (s *site) gone(obj client.Object) {
	s.t.Helper()
	s.eventually(obj.GetName()+" is gone", func() bool {
		return apierrors.IsNotFound(s.Client.Get(s.t.Context(), client.ObjectKeyFromObject(obj), obj))
	})
}

func (s *site) pvc(name, from string) *corev1.PersistentVolumeClaim {
	pvc := &corev1.PersistentVolumeClaim{ObjectMeta: s.named(name), Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		StorageClassName: new(lab.SnapshotStorageClass),
		Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
	}}
	if from != "" {
		pvc.Spec.DataSource = &corev1.TypedLocalObjectReference{
			APIGroup: new("snapshot.storage.k8s.io"), Kind: "VolumeSnapshot", Name: from,
		}
	}
	return pvc
}

// bound waits until a claim has its volume, and returns the folder of that.
func (s *site) bound(name string) (folder string) {
	s.t.Helper()
	pvc := &corev1.PersistentVolumeClaim{}
	s.eventually("claim "+name+" is bound", func() bool {
		return s.get(name, pvc) == nil && pvc.Status.Phase == corev1.ClaimBound
	})
	pv := &corev1.PersistentVolume{}
	require.NoError(s.t, s.Client.Get(s.t.Context(), client.ObjectKey{Name: pvc.Spec.VolumeName}, pv))
	return filepath.Join(storage.VolumesDir(s.data, s.Name), pv.Spec.CSI.VolumeHandle, "data")
}

// claim makes an empty volume and returns its folder.
func (s *site) claim(name string) (folder string) {
	s.t.Helper()
	s.create(s.pvc(name, ""))
	return s.bound(name)
}

// left are the volumes and snapshots in the store.
func (s *site) left() []string {
	var out []string
	root := storage.VolumesDir(s.data, s.Name)
	for _, dir := range []string{root, filepath.Join(root, ".snapshots"), filepath.Join(root, ".incoming")} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if e.Name() != ".snapshots" && e.Name() != ".incoming" {
				out = append(out, filepath.Join(dir, e.Name()))
			}
		}
	}
	return out
}

// put writes a file into a folder.
func put(t *testing.T, folder, name, content string) {
	t.Helper()
	file := filepath.Join(folder, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
}

// files are the contents of a folder, by name.
func files(folder string) map[string]string {
	out := map[string]string{}
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			content, _ := os.ReadFile(path)
			out[strings.TrimPrefix(path, folder+"/")] = string(content)
		}
		return nil
	})
	return out
}
