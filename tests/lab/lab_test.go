// SPDX-License-Identifier: Apache-2.0

package lab_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

// TestLab looks at one lab from all sides; the parts only read it or put back what they change.
func TestLab(t *testing.T) {
	l := labtest.Start(t, lab.Options{})
	require.NoError(t, l.Install(t.Context()))

	t.Run("objects of our kinds are made without a stall", func(t *testing.T) {
		vrg := &v1alpha1.VolumeReplicationGroup{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "first"},
			Spec:       v1alpha1.VolumeReplicationGroupSpec{ReplicationState: v1alpha1.Primary, S3Profiles: []string{"s3-dr1"}},
		}
		begin := time.Now()
		require.NoError(t, l.Cluster(lab.DR1).Client.Create(t.Context(), vrg))
		require.Less(t, time.Since(begin), time.Second)
		require.NoError(t, l.Cluster(lab.DR1).Client.Delete(t.Context(), vrg))
	})

	t.Run("clusters are different clusters", func(t *testing.T) {
		uids := map[string]bool{}
		for _, name := range lab.Clusters() {
			var ns corev1.Namespace
			require.NoError(t, l.Cluster(name).Client.Get(t.Context(), client.ObjectKey{Name: "kube-system"}, &ns))
			uids[string(ns.UID)] = true
		}
		require.Len(t, uids, 3)
		foreign := *l.Cluster(lab.DR1).Config
		foreign.Host = l.Cluster(lab.DR2).Config.Host
		c, err := client.New(&foreign, client.Options{})
		require.NoError(t, err)
		require.ErrorContains(t, c.List(t.Context(), &corev1.NamespaceList{}), "certificate signed by unknown authority")
	})

	t.Run("a ServiceAccount may do only what its roles say", func(t *testing.T) {
		admin := l.Cluster(lab.DR1).Client
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "nobody"}}
		require.NoError(t, admin.Create(t.Context(), account))
		c := clientOf(t, l, lab.Identity{Cluster: lab.DR1, Namespace: "default", ServiceAccount: "nobody", From: lab.DR1})
		require.True(t, apierrors.IsForbidden(c.List(t.Context(), &corev1.SecretList{})))
	})

	t.Run("storage classes carry the ids of their storage", func(t *testing.T) {
		for name, id := range map[string]string{lab.DR1: "lab-dr1", lab.DR2: "lab-dr2"} {
			var class storagev1.StorageClass
			require.NoError(t, l.Cluster(name).Client.Get(t.Context(), client.ObjectKey{Name: "lab-rep"}, &class))
			require.Equal(t, id, class.Labels["ramendr.openshift.io/storageid"])
			require.Equal(t, "lab-rep-1", class.Labels["ramendr.openshift.io/replicationid"])
		}
	})

	t.Run("each operator reaches both object stores by its own links", func(t *testing.T) {
		seen := map[string]bool{}
		for cluster, name := range map[string]string{
			lab.Hub: "ramen-hub-operator-config", lab.DR1: "ramen-dr-cluster-operator-config", lab.DR2: "ramen-dr-cluster-operator-config",
		} {
			config, err := ramenconfig.Load(t.Context(), l.Cluster(cluster).Client, "ramen-system", name)
			require.NoError(t, err)
			require.Empty(t, config.Unknown)
			for _, profile := range []string{"s3-dr1", "s3-dr2"} {
				p, err := config.Profile(profile)
				require.NoError(t, err)
				seen[p.S3CompatibleEndpoint] = true
				var secret corev1.Secret
				key := client.ObjectKey{Namespace: p.S3SecretRef.Namespace, Name: p.S3SecretRef.Name}
				// Only the hub has the keys before hubctrl runs, which brings them to the spokes.
				require.NoError(t, l.Cluster(lab.Hub).Client.Get(t.Context(), key, &secret))
				bucket := bucketOf(t, p, string(secret.Data["AWS_ACCESS_KEY_ID"]), string(secret.Data["AWS_SECRET_ACCESS_KEY"]))
				require.NoError(t, bucket.put(t, "from-"+cluster, "here"))
			}
		}
		require.Len(t, seen, 6)
	})

	t.Run("the keys of one object store open no other", func(t *testing.T) {
		config, err := ramenconfig.Load(t.Context(), l.Cluster(lab.Hub).Client, "ramen-system", "ramen-hub-operator-config")
		require.NoError(t, err)
		first, err := config.Profile("s3-dr1")
		require.NoError(t, err)
		second, err := config.Profile("s3-dr2")
		require.NoError(t, err)
		keys := l.Stores()[0]
		require.NoError(t, bucketOf(t, first, keys.AccessKey, keys.SecretKey).put(t, "mine", "mine"))
		stranger := bucketOf(t, second, keys.AccessKey, keys.SecretKey)
		require.Equal(t, "AccessDenied", minio.ToErrorResponse(stranger.put(t, "mine", "mine")).Code)
		_, err = stranger.get(t, "from-hub")
		require.Equal(t, "AccessDenied", minio.ToErrorResponse(err).Code)
		wrong := bucketOf(t, first, keys.AccessKey, "wrong")
		require.Equal(t, "SignatureDoesNotMatch", minio.ToErrorResponse(wrong.put(t, "mine", "mine")).Code)
	})

	t.Run("a link that is cut refuses connections until it heals", func(t *testing.T) {
		url := l.StoreURL(lab.DR1, "s3-dr1") + "/health"
		other := l.StoreURL(lab.DR2, "s3-dr1") + "/health"
		c := httpClient(t, l)
		require.NoError(t, get(c, url))
		require.NoError(t, l.Fault(lab.DR1, faultproxy.Cut))
		require.ErrorContains(t, get(c, url), "connection refused")
		require.NoError(t, get(c, other), "links of others go on")
		states, err := l.LinkStates()
		require.NoError(t, err)
		for name, kind := range states {
			if strings.Contains(strings.ReplaceAll(name, "s3-dr1", "store"), "dr1") {
				require.Equal(t, faultproxy.Cut, kind, name)
			} else {
				require.Empty(t, kind, name)
			}
		}
		require.NoError(t, l.Heal(lab.DR1))
		require.NoError(t, get(c, url))
	})

	t.Run("an object store fails for everybody at once", func(t *testing.T) {
		c := httpClient(t, l)
		require.NoError(t, l.Fault("s3-dr1", faultproxy.Cut))
		for _, from := range lab.Clusters() {
			require.ErrorContains(t, get(c, l.StoreURL(from, "s3-dr1")+"/health"), "connection refused")
			require.NoError(t, get(c, l.StoreURL(from, "s3-dr2")+"/health"))
		}
		require.NoError(t, l.Heal("s3-dr1"))
	})

	t.Run("a fault on nothing names what can fail", func(t *testing.T) {
		require.ErrorContains(t, l.Fault("dr3", faultproxy.Cut), "dr1-hub")
	})

	t.Run("a cluster that is killed comes back with its objects", func(t *testing.T) {
		c := l.Cluster(lab.DR2).Client
		kept := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "kept"}}
		require.NoError(t, c.Create(t.Context(), kept))
		for _, service := range []string{"apiserver-dr2", "etcd-dr2"} {
			require.NoError(t, l.Stop(service))
		}
		require.Error(t, c.Get(t.Context(), client.ObjectKeyFromObject(kept), kept))
		for _, service := range []string{"etcd-dr2", "apiserver-dr2"} {
			require.NoError(t, l.StartProcess(t.Context(), service))
		}
		require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(kept), kept))
	})

	t.Run("another process can use the lab", func(t *testing.T) {
		opened, err := lab.Open(l.Dir())
		require.NoError(t, err)
		require.NoError(t, opened.Cluster(lab.Hub).Client.List(t.Context(), &corev1.NamespaceList{}))
		_, err = lab.Open(t.TempDir())
		require.ErrorIs(t, err, lab.ErrNotRunning)
	})
}

func clientOf(t *testing.T, l *lab.Lab, id lab.Identity) client.Client {
	t.Helper()
	file, err := l.Kubeconfig(t.Context(), id)
	require.NoError(t, err)
	cfg, err := clientcmd.BuildConfigFromFlags("", file)
	require.NoError(t, err)
	c, err := client.New(cfg, client.Options{})
	require.NoError(t, err)
	return c
}

type bucket struct {
	client *minio.Client
	name   string
}

func bucketOf(t *testing.T, p ramenconfig.S3StoreProfile, access, secret string) bucket {
	t.Helper()
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(p.CACertificates))
	c, err := minio.New(strings.TrimPrefix(p.S3CompatibleEndpoint, "https://"), &minio.Options{
		Creds:     credentials.NewStaticV4(access, secret, ""),
		Secure:    true,
		Region:    p.S3Region,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
	})
	require.NoError(t, err)
	return bucket{client: c, name: p.S3Bucket}
}

func (b bucket) put(t *testing.T, key, text string) error {
	t.Helper()
	_, err := b.client.PutObject(t.Context(), b.name, key, bytes.NewReader([]byte(text)), int64(len(text)), minio.PutObjectOptions{})
	return err
}

func (b bucket) get(t *testing.T, key string) (string, error) {
	t.Helper()
	o, err := b.client.GetObject(t.Context(), b.name, key, minio.GetObjectOptions{})
	require.NoError(t, err)
	text, err := io.ReadAll(o)
	return string(text), err
}

func httpClient(t *testing.T, l *lab.Lab) *http.Client {
	t.Helper()
	pem, err := l.StoreCA()
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(pem))
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

func get(c *http.Client, url string) error {
	resp, err := c.Get(url)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
