// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// bucket opens one with the keys that a cluster has, or who stole them.
func (s *stores) bucket(t *testing.T, name string) store.Store {
	t.Helper()
	b, err := s.server.Open(store.Config{Profile: "x", Endpoint: "https://s3.example.com", Bucket: name, AccessKey: "a", SecretKey: "s"})
	require.NoError(t, err)
	return b
}

// empty takes everything out of both buckets.
func (s *stores) empty(t *testing.T) {
	t.Helper()
	for _, name := range []string{"dr1", "dr2"} {
		b := s.bucket(t, name)
		keys, err := b.List(t.Context(), "")
		require.NoError(t, err)
		require.NoError(t, b.Delete(t.Context(), keys...))
	}
}

// forge stores, in both buckets, a volume of somebody else as one of the application, signed by key.
func (s *stores) forge(t *testing.T, epoch int64, key capsule.Key, manifest bool) {
	t.Helper()
	g := capsule.Group{Namespace: ns, Name: name}
	pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv-stolen"}, Spec: corev1.PersistentVolumeSpec{
		StorageClassName:       "lab-rep",
		ClaimRef:               &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: ns, Name: "stolen"},
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: "of-another-tenant"}},
	}}
	pvc := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "stolen", Labels: map[string]string{"app": "x"}},
		Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: new("lab-rep"), VolumeName: "pv-stolen"}}
	content, err := capsule.Build(&v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}, []capsule.Pair{{PV: pv, PVC: pvc}})
	require.NoError(t, err)
	m := &capsule.Manifest{Epoch: epoch, Cluster: "dr1", Serial: 1 << 50, Objects: map[string]capsule.Sum{}}
	for _, bucket := range []string{"dr1", "dr2"} {
		b := s.bucket(t, bucket)
		for k, o := range content {
			require.NoError(t, b.Put(t.Context(), k, o.Body))
			m.Objects[k] = capsule.Sum{SHA256: o.Sum}
		}
		if manifest {
			require.NoError(t, m.Sign(g, key))
			body, err := m.Encode()
			require.NoError(t, err)
			require.NoError(t, b.Put(t.Context(), g.Manifest(), body))
		}
	}
}

// bodies are all objects of all buckets.
func (s *stores) bodies(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range []string{"dr1", "dr2"} {
		b := s.bucket(t, name)
		for _, key := range s.keys(t, name) {
			body, err := b.Get(t.Context(), key)
			require.NoError(t, err)
			out[name+"/"+key] = string(body)
		}
	}
	return out
}

// signers have a group know that it was stored, and who signs.
func signers(clusters ...*cluster) func(*v1alpha1.VolumeReplicationGroup) {
	var keys []string
	for _, c := range clusters {
		keys = append(keys, c.group().Status.SigningKey)
	}
	return func(g *v1alpha1.VolumeReplicationGroup) {
		metav1.SetMetaDataAnnotation(&g.ObjectMeta, v1alpha1.AnnotationSigners, strings.Join(keys, ","))
	}
}

// protectedPair is an application that dr1 protects, and whose hub has told both clusters who signs.
func protectedPair(t *testing.T, s *stores) (dr1, dr2 *cluster) {
	t.Helper()
	dr1, dr2 = newCluster(t, "dr1", s), newCluster(t, "dr2", s)
	dr1.provision("data")
	dr1.wish(v1alpha1.Primary, "1")
	dr1.settle()
	dr2.wish(v1alpha1.Secondary, "1")
	dr2.settle()
	for _, c := range []*cluster{dr1, dr2} {
		require.True(t, capsule.IsPublic(c.group().Status.SigningKey))
	}
	require.NotEqual(t, dr1.group().Status.SigningKey, dr2.group().Status.SigningKey)
	dr1.wish(v1alpha1.Primary, "1", signers(dr1, dr2))
	dr1.settle()
	dr2.wish(v1alpha1.Secondary, "1", signers(dr1, dr2))
	dr2.settle()
	return dr1, dr2
}

// TestAForgedCapsuleIsRefused : anyone who has the keys of both buckets can write there, but places no volume on a cluster.
func TestAForgedCapsuleIsRefused(t *testing.T) {
	theirs, err := capsule.NewKey()
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		epoch    int64
		key      capsule.Key
		manifest bool
		says     string
	}{
		"without a signature":             {2, capsule.Key{}, true, "it is not signed"},
		"without a signature, same epoch": {1, capsule.Key{}, true, "it is not signed"},
		"by another key":                  {2, theirs, true, "the key of no cluster of this group"},
		"without a manifest":              {1, capsule.Key{}, false, "objects without a manifest"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStores()
			_, dr2 := protectedPair(t, s)
			s.empty(t)
			s.forge(t, tc.epoch, tc.key, tc.manifest)
			dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
			dr2.settle()
			assert.Nil(t, dr2.claim("stolen"))
			assert.Nil(t, dr2.pv("pv-stolen"))
			assert.Equal(t, "False/StoredMetadataRefused", dr2.says("NoClusterDataConflict"))
			assert.Equal(t, "False/Error", dr2.says("ClusterDataReady"))
			assert.Contains(t, dr2.message("ClusterDataReady"), tc.says)
			assert.Contains(t, dr2.message("ClusterDataReady"), "S3 profile s3-dr1")
			assert.Contains(t, dr2.message("ClusterDataReady"), "Look at who can write to the bucket")
			assert.NotEqual(t, v1alpha1.PrimaryState, dr2.group().Status.State)
		})
	}
}

// TestWhatAnotherStoreHasIsRestored : one bucket with a forged capsule hides nothing.
func TestWhatAnotherStoreHasIsRestored(t *testing.T) {
	s := newStores()
	_, dr2 := protectedPair(t, s)
	b := s.bucket(t, "dr1")
	genuine, err := b.Get(t.Context(), "app/drpc/manifest.json")
	require.NoError(t, err)
	s.forge(t, 9, capsule.Key{}, true)
	require.NoError(t, b.Put(t.Context(), "app/drpc/manifest.json", genuine))
	dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
	dr2.settle()
	assert.NotNil(t, dr2.claim("data"))
	assert.Nil(t, dr2.claim("stolen"))
}

// TestWhatWasStoredWithoutASignatureIsReadUntilTheFirstUpload, and that is told.
func TestWhatWasStoredWithoutASignatureIsReadUntilTheFirstUpload(t *testing.T) {
	s := newStores()
	s.forge(t, 1, capsule.Key{}, true)
	dr2 := newCluster(t, "dr2", s)
	dr2.wish(v1alpha1.Primary, "2")
	_, err := dr2.pass()
	require.NoError(t, err)
	assert.Contains(t, dr2.message("ClusterDataReady"), "no cluster of the application is known to have signed this")
	dr2.settle()
	assert.NotNil(t, dr2.claim("stolen"))
	assert.Equal(t, "True/Uploaded", dr2.says("ClusterDataProtected"))
	body, err := s.bucket(t, "dr1").Get(t.Context(), "app/drpc/manifest.json")
	require.NoError(t, err)
	assert.Contains(t, string(body), dr2.group().Status.SigningKey, "what is stored from now on is signed")
}

// TestABucketsWriterHoldsNoUploadBack : what is not believed is written over, and not taken over.
func TestABucketsWriterHoldsNoUploadBack(t *testing.T) {
	s := newStores()
	dr1, dr2 := protectedPair(t, s)
	s.forge(t, 1, capsule.Key{}, true)
	dr1.restart(s)
	dr1.provision("more")
	dr1.settle()
	assert.Equal(t, "True/Uploaded", dr1.says("ClusterDataProtected"))
	dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
	dr2.settle()
	assert.NotNil(t, dr2.claim("data"))
	assert.NotNil(t, dr2.claim("more"))
	assert.Nil(t, dr2.claim("stolen"))
}

// TestEmptyStoresOfAGroupThatWasStoredAreAConflict : that they have nothing does not mean that there is nothing to restore.
func TestEmptyStoresOfAGroupThatWasStoredAreAConflict(t *testing.T) {
	s := newStores()
	dr1, dr2 := protectedPair(t, s)
	s.empty(t)
	dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
	dr2.settle()
	assert.Equal(t, "False/StoredMetadataMissing", dr2.says("NoClusterDataConflict"))
	assert.Contains(t, dr2.message("NoClusterDataConflict"), "nothing is stored of this group in s3-dr1, s3-dr2, and it was stored there before")
	assert.NotEqual(t, v1alpha1.PrimaryState, dr2.group().Status.State)

	t.Run("until they have it again", func(t *testing.T) {
		dr1.restart(s)
		dr1.settle()
		dr2.restart(s)
		dr2.settle()
		assert.NotNil(t, dr2.claim("data"))
		assert.Equal(t, v1alpha1.PrimaryState, dr2.group().Status.State)
	})
}

// TestAPrimaryThatIsPromotedAgainMissesNothing : its claims are here, whatever the stores have lost.
func TestAPrimaryThatIsPromotedAgainMissesNothing(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *stores){
		"forged":  func(t *testing.T, s *stores) { s.forge(t, 1, capsule.Key{}, true) },
		"emptied": func(t *testing.T, s *stores) { s.empty(t) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStores()
			dr1, dr2 := protectedPair(t, s)
			change(t, s)
			dr1.restart(s)
			dr1.wish(v1alpha1.Primary, "3", action(v1alpha1.VRGActionFailover))
			dr1.settle()
			assert.Equal(t, v1alpha1.PrimaryState, dr1.group().Status.State)
			assert.Nil(t, dr1.claim("stolen"))
			dr2.wish(v1alpha1.Primary, "4", action(v1alpha1.VRGActionFailover))
			dr2.settle()
			assert.NotNil(t, dr2.claim("data"), "it was stored again")
		})
	}
}

// TestTheUserStartsWithoutWhatTheStoresLost : the hub leaves out then that the group was stored.
func TestTheUserStartsWithoutWhatTheStoresLost(t *testing.T) {
	s := newStores()
	_, dr2 := protectedPair(t, s)
	s.empty(t)
	dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
	dr2.settle()
	dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover), func(g *v1alpha1.VolumeReplicationGroup) {
		delete(g.Annotations, v1alpha1.AnnotationSigners)
	})
	dr2.settle()
	assert.Equal(t, v1alpha1.PrimaryState, dr2.group().Status.State)
}

// TestANewKeySignsNothingBeforeThePeerKnows : the peer could restore nothing of it if this cluster failed now.
func TestANewKeySignsNothingBeforeThePeerKnows(t *testing.T) {
	s := newStores()
	dr1, dr2 := protectedPair(t, s)
	was := dr1.group().Status.SigningKey
	dr1.remove(&corev1.Secret{}, "ramen-system", "ramen-signing-key")
	dr1.restart(s)
	dr1.provision("more")
	dr1.settle()
	now := dr1.group().Status.SigningKey
	require.NotEqual(t, was, now)
	assert.Equal(t, "False/UploadError", dr1.says("ClusterDataProtected"))
	assert.Contains(t, dr1.message("ClusterDataProtected"), "the hub has not told the peer of it yet")
	body, err := s.bucket(t, "dr1").Get(t.Context(), "app/drpc/manifest.json")
	require.NoError(t, err)
	assert.Contains(t, string(body), was)

	dr2.wish(v1alpha1.Secondary, "1", signers(dr1, dr2))
	dr1.wish(v1alpha1.Primary, "1", signers(dr1, dr2))
	dr1.settle()
	assert.Equal(t, "True/Uploaded", dr1.says("ClusterDataProtected"))
	dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
	dr2.settle()
	assert.NotNil(t, dr2.claim("more"))
}

// TestACapsuleThatIsNotBelievedIsNoProof that a group which was deleted in the middle of a relocate was no Primary.
func TestACapsuleThatIsNotBelievedIsNoProof(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *stores){
		"stripped": func(t *testing.T, s *stores) { s.forge(t, 1, capsule.Key{}, true) },
		"emptied":  func(t *testing.T, s *stores) { s.empty(t) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStores()
			dr1, dr2 := protectedPair(t, s)
			told := signers(dr1, dr2)
			change(t, s)
			fresh := newCluster(t, "dr1", s)
			fresh.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate), told)
			fresh.settle()
			assert.Equal(t, "False/Interrupted", fresh.says("DataReady"))
			assert.Contains(t, fresh.message("DataReady"), "it is not known whether this cluster was Primary")
		})
	}
}

// TestAnotherHubsApplicationOfTheSameNameIsLeftAlone: two hubs know applications of one name and use one bucket. Who comes second
// restores nothing, stores nothing and takes nothing away.
func TestAnotherHubsApplicationOfTheSameNameIsLeftAlone(t *testing.T) {
	s := newStores()
	dr1, dr2 := protectedPair(t, s)
	trusted := signers(dr1, dr2)
	one, two := newCluster(t, "one", s), newCluster(t, "two", s)
	two.wish(v1alpha1.Secondary, "1")
	two.settle()
	one.wish(v1alpha1.Secondary, "1")
	one.settle()
	keys := one.group().Status.SigningKey + "," + two.group().Status.SigningKey
	told := func(g *v1alpha1.VolumeReplicationGroup) {
		metav1.SetMetaDataAnnotation(&g.ObjectMeta, v1alpha1.AnnotationClusterKeys, keys)
	}
	before := s.bodies(t)
	one.wish(v1alpha1.Primary, "2", told)
	one.settle()
	assert.Equal(t, "False/StoredMetadataRefused", one.says("NoClusterDataConflict"))
	assert.Contains(t, one.message("ClusterDataReady"), "which is the key of neither cluster of this group, and nothing of this group was stored yet. If another hub protects an application of this name, give one of the two another bucket")
	assert.Nil(t, one.pv("pv-data"))
	assert.Equal(t, before, s.bodies(t))

	one.remove(&v1alpha1.VolumeReplicationGroup{}, one.key.Namespace, one.key.Name)
	one.settle()
	assert.Equal(t, before, s.bodies(t))

	dr2.wish(v1alpha1.Primary, "3", action(v1alpha1.VRGActionFailover), trusted)
	dr2.settle()
	assert.Equal(t, "True/Restored", dr2.says("ClusterDataReady"), dr2.message("ClusterDataReady"))
}
