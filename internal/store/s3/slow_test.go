// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/s3"
	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// chunk is what arrived on a slow link, and when it is to be passed on.
type chunk struct {
	body []byte
	at   time.Time
}

// slow puts a link before a server that holds back all bytes of each direction, and returns its address.
func slow(t *testing.T, server string, each time.Duration) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	pass := func(to io.WriteCloser, from io.Reader) {
		queue := make(chan chunk, 1024)
		go func() {
			defer close(queue)
			for {
				body := make([]byte, 64<<10)
				n, err := from.Read(body)
				if n > 0 {
					queue <- chunk{body[:n], time.Now().Add(each)}
				}
				if err != nil {
					return
				}
			}
		}()
		defer func() { _ = to.Close() }()
		for c := range queue {
			<-time.After(time.Until(c.at))
			if _, err := to.Write(c.body); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := (&net.Dialer{}).Dial("tcp", server)
			if err != nil {
				_ = near.Close()
				continue
			}
			go pass(far, near)
			go pass(near, far)
		}
	}()
	return l.Addr().String()
}

// TestALargeGroupOnASlowServer is stored, stored again after a change, and restored, by the real client over a link on which each call
// takes 200 ms: 500 claims take longer than a store may be silent, and as long as calls succeed that does not matter.
func TestALargeGroupOnASlowServer(t *testing.T) {
	testlayer.Slow(t, "spokectrl/archive TestALargeGroupOnASlowStoreIsStoredAndRestored")
	const claims = 500
	cfg := startGateway(t)
	at, err := url.Parse(cfg.Endpoint)
	require.NoError(t, err)
	endpoint := "https://" + slow(t, at.Host, 100*time.Millisecond)
	text := fmt.Sprintf("s3StoreProfiles:\n- {s3ProfileName: s3-test, s3Bucket: bucket, s3Region: us-east-1, s3CompatibleEndpoint: %q, s3SecretRef: {name: keys}}\n", endpoint)
	reader := fake.NewClientBuilder().WithObjects(
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "op", Name: "ramen-dr-cluster-operator-config"}, Data: map[string]string{"ramen_manager_config.yaml": text}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "op", Name: "keys"}, Data: map[string][]byte{"AWS_ACCESS_KEY_ID": []byte(cfg.AccessKey), "AWS_SECRET_ACCESS_KEY": []byte(cfg.SecretKey)}},
	).Build()
	trusting := func(c store.Config) (store.Store, error) {
		c.CA = cfg.CA
		return s3.Open(c)
	}
	fresh := func() *archive.Archive {
		return &archive.Archive{Reader: reader, Namespace: "op", Clock: clock.RealClock{}, Open: store.Reusing(trusting)}
	}
	content := func(version string) capsule.Content {
		var pairs []capsule.Pair
		for i := range claims {
			name := fmt.Sprintf("data-%d", i)
			pairs = append(pairs, capsule.Pair{
				PV: &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv-" + name, Labels: map[string]string{"version": version}},
					Spec: corev1.PersistentVolumeSpec{ClaimRef: &corev1.ObjectReference{Namespace: "app", Name: name}}},
				PVC: &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: name}, Spec: corev1.PersistentVolumeClaimSpec{VolumeName: "pv-" + name}},
			})
		}
		c, err := capsule.Build(&v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: "g"}}, pairs)
		require.NoError(t, err)
		return c
	}
	group, profiles := capsule.Group{Namespace: "app", Name: "g"}, []string{"s3-test"}
	stored := func(a *archive.Archive, version string) {
		began := time.Now()
		require.NoError(t, a.Sync(t.Context(), group, profiles, archive.Term{Epoch: 1, Cluster: "c1"}, content(version)).Err())
		assert.True(t, a.Current(group, profiles, archive.Term{Epoch: 1, Cluster: "c1"}, content(version)))
		t.Logf("version %s is stored in %s", version, time.Since(began))
		assert.Greater(t, time.Since(began), archive.Budget/2, "the link is not slow")
	}
	a := fresh()
	stored(a, "1")
	stored(a, "2")
	n := fresh().Newest(t.Context(), group, profiles, capsule.Trust{})
	require.NoError(t, n.Problems.Err())
	require.Len(t, n.Pairs, claims)
	for _, p := range n.Pairs {
		require.Equal(t, "2", p.PV.Labels["version"])
	}
	require.NoError(t, fresh().Empty(t.Context(), group, profiles, archive.Term{Epoch: 1}).Err())
	assert.Equal(t, archive.Nothing, fresh().Newest(t.Context(), group, profiles, capsule.Trust{}).Answer)
}
