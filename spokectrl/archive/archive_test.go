// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/mem"
	"github.com/ramendr/ramen-direct/internal/store/storetest"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

var (
	group    = capsule.Group{Namespace: "app", Name: "g"}
	profiles = []string{"a", "b"}
)

type fixture struct {
	*archive.Archive
	server *mem.Server
	clock  *testclock.FakeClock
	fault  storetest.Fault
}

func newFixture() *fixture {
	f := &fixture{server: mem.New(), clock: testclock.NewFakeClock(time.Unix(1000, 0))}
	for _, b := range profiles {
		f.server.AddBucket(store.Config{Endpoint: "https://s3.example.com", Bucket: b, AccessKey: "a", SecretKey: "s"})
	}
	f.restart()
	return f
}

// restart forgets what the process knew.
func (f *fixture) restart() {
	text := "s3StoreProfiles:\n"
	for _, p := range profiles {
		text += "- {s3ProfileName: " + p + ", s3Bucket: " + p + ", s3CompatibleEndpoint: 'https://s3.example.com', s3SecretRef: {name: keys}}\n"
	}
	reader := fake.NewClientBuilder().WithObjects(
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "op", Name: "ramen-dr-cluster-operator-config"}, Data: map[string]string{"ramen_manager_config.yaml": text}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "op", Name: "keys"}, Data: map[string][]byte{"AWS_ACCESS_KEY_ID": []byte("a"), "AWS_SECRET_ACCESS_KEY": []byte("s")}},
	).Build()
	f.Archive = &archive.Archive{Reader: reader, Namespace: "op", Clock: f.clock, Open: storetest.Faulty(f.server.Open, func(ctx context.Context, c storetest.Call) error {
		if f.fault == nil {
			return nil
		}
		return f.fault(ctx, c)
	})}
}

// oneByOne is a fault that is asked by one call at a time: an operation makes several at once.
func oneByOne(fault storetest.Fault) storetest.Fault {
	var mu sync.Mutex
	return func(ctx context.Context, c storetest.Call) error {
		mu.Lock()
		defer mu.Unlock()
		return fault(ctx, c)
	}
}

func down(profile string) storetest.Fault {
	return func(_ context.Context, c storetest.Call) error {
		if c.Profile == profile {
			return storetest.Failure(profile, store.ReasonUnreachable, errors.New("no route"))
		}
		return nil
	}
}

// content has one volume; its label tells versions of it apart.
func content(t *testing.T, version string) capsule.Content {
	t.Helper()
	pv := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pv", Labels: map[string]string{"version": version}},
		Spec:       corev1.PersistentVolumeSpec{ClaimRef: &corev1.ObjectReference{Namespace: "app", Name: "data"}},
	}
	pvc := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: "data"}, Spec: corev1.PersistentVolumeClaimSpec{VolumeName: "pv"}}
	c, err := capsule.Build(&v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: "g"}}, []capsule.Pair{{PV: pv, PVC: pvc}})
	require.NoError(t, err)
	return c
}

func term(epoch int64) archive.Term { return archive.Term{Epoch: epoch, Cluster: "c1"} }

func TestWhatWasStoredIsFound(t *testing.T) {
	f := newFixture()
	assert.False(t, f.Current(group, profiles, term(1), content(t, "1")))
	require.NoError(t, f.Sync(t.Context(), group, profiles, term(1), content(t, "1")).Err())
	assert.True(t, f.Current(group, profiles, term(1), content(t, "1")))
	assert.False(t, f.Current(group, profiles, term(1), content(t, "2")))
	assert.False(t, f.Current(group, profiles, term(2), content(t, "1")))
	n := f.Newest(t.Context(), group, profiles, capsule.Trust{})
	assert.Equal(t, archive.Found, n.Answer)
	assert.Equal(t, "1", n.Pairs[0].PV.Labels["version"])
}

// TestWhatIsAddedTakesNothingAway: a volume that leaves is not part of the content any more, and another one came.
func TestWhatIsAddedTakesNothingAway(t *testing.T) {
	f := newFixture()
	require.NoError(t, f.Add(t.Context(), group, profiles, term(1), content(t, "1")).Err())
	assert.True(t, f.Covered(group, profiles, term(1), capsule.Content{}))
	require.NoError(t, f.Add(t.Context(), group, profiles, term(1), capsule.Content{}).Err())
	require.NoError(t, f.Add(t.Context(), group, profiles, term(2), capsule.Content{}).Err(), "nor does a later term")
	assert.False(t, f.Covered(group, profiles, term(2), content(t, "2")))
	assert.True(t, f.Covered(group, profiles, term(2), content(t, "1")))
	f.restart()
	n := f.Newest(t.Context(), group, profiles, capsule.Trust{})
	assert.Equal(t, archive.Found, n.Answer)
	require.Len(t, n.Pairs, 1)
	assert.Equal(t, "1", n.Pairs[0].PV.Labels["version"])
	require.NoError(t, f.Add(t.Context(), group, profiles, term(2), content(t, "2")).Err())
	assert.Equal(t, "2", f.Newest(t.Context(), group, profiles, capsule.Trust{}).Pairs[0].PV.Labels["version"], "what is here is brought up to date")
	require.NoError(t, f.Sync(t.Context(), group, profiles, term(2), capsule.Content{}).Err())
	assert.Empty(t, f.Newest(t.Context(), group, profiles, capsule.Trust{}).Pairs)
}

func TestSilenceIsNotNothing(t *testing.T) {
	f := newFixture()
	assert.Equal(t, archive.Nothing, f.Newest(t.Context(), group, profiles, capsule.Trust{}).Answer)
	f.fault = down("a")
	n := f.Newest(t.Context(), group, profiles, capsule.Trust{})
	assert.Equal(t, archive.Unknown, n.Answer)
	require.ErrorContains(t, n.Problems.Err(), "S3 profile a")
	assert.NotContains(t, n.Problems.Err().Error(), "profile b")
}

func TestTheHigherEpochIsTakenAndNeverOverwritten(t *testing.T) {
	f := newFixture()
	require.NoError(t, f.Sync(t.Context(), group, profiles, term(1), content(t, "old")).Err())
	require.NoError(t, f.Sync(t.Context(), group, []string{"b"}, term(2), content(t, "new")).Err())
	n := f.Newest(t.Context(), group, profiles, capsule.Trust{})
	assert.Equal(t, "new", n.Pairs[0].PV.Labels["version"])
	assert.Equal(t, "b", n.Profile)

	f.restart()
	problems := f.Sync(t.Context(), group, profiles, term(1), content(t, "stale"))
	require.NoError(t, problems["a"])
	require.ErrorContains(t, problems["b"], "epoch 2")
	require.NoError(t, f.Empty(t.Context(), group, profiles, archive.Term{Epoch: 1}).Err())
	n = f.Newest(t.Context(), group, profiles, capsule.Trust{})
	assert.Equal(t, "new", n.Pairs[0].PV.Labels["version"], "a stale side deletes nothing either")
	assert.Equal(t, "b", n.Profile)
}

func TestABrokenCapsuleIsNotReplacedByAnOlderOne(t *testing.T) {
	f := newFixture()
	require.NoError(t, f.Sync(t.Context(), group, []string{"a"}, term(1), content(t, "old")).Err())
	require.NoError(t, f.Sync(t.Context(), group, []string{"b"}, term(2), content(t, "new")).Err())
	f.fault = func(_ context.Context, c storetest.Call) error {
		if c.Op == storetest.OpGet && c.Profile == "b" && c.Key == group.PV("pv") {
			return storetest.Failure("b", store.ReasonError, errors.New("bit rot"))
		}
		return nil
	}
	n := f.Newest(t.Context(), group, profiles, capsule.Trust{})
	assert.Equal(t, archive.Unknown, n.Answer)
	require.ErrorContains(t, n.Problems.Err(), "bit rot")
}

// TestAWriterMayDieAnywhere stops an update at each of its calls: what is in the store can be restored afterwards, as
// it was or as it was to become, and the next update completes.
func TestAWriterMayDieAnywhere(t *testing.T) {
	for n := 1; ; n++ {
		f := newFixture()
		one := []string{"a"}
		require.NoError(t, f.Sync(t.Context(), group, one, term(1), content(t, "1")).Err())
		count := 0
		f.fault = oneByOne(func(context.Context, storetest.Call) error {
			if count++; count >= n {
				return storetest.Failure("a", store.ReasonUnreachable, errors.New("died"))
			}
			return nil
		})
		err := f.Sync(t.Context(), group, one, term(1), content(t, "2")).Err()
		f.fault = nil
		f.clock.Step(archive.Pause) // one that did not answer is left alone by everybody
		found := f.Newest(t.Context(), group, one, capsule.Trust{})
		require.Equal(t, archive.Found, found.Answer, "dying at call %d: %v", n, found.Problems.Err())
		f.restart()
		require.NoError(t, f.Sync(t.Context(), group, one, term(1), content(t, "2")).Err())
		require.Equal(t, "2", f.Newest(t.Context(), group, one, capsule.Trust{}).Pairs[0].PV.Labels["version"])
		if err == nil {
			require.Greater(t, n, 3, "announcement, object, manifest")
			return
		}
	}
}

func TestAStoreThatFailedIsLeftAloneForAWhile(t *testing.T) {
	f := newFixture()
	f.fault = down("a")
	require.Error(t, f.Sync(t.Context(), group, profiles, term(1), content(t, "1"))["a"])
	f.fault = nil
	require.Error(t, f.Sync(t.Context(), group, profiles, term(1), content(t, "1"))["a"])
	f.clock.Step(archive.Pause)
	require.NoError(t, f.Sync(t.Context(), group, profiles, term(1), content(t, "1"))["a"])
}

func TestAFailedStoreIsWaitedForOnceInARestore(t *testing.T) {
	f := newFixture()
	require.NoError(t, f.Sync(t.Context(), group, profiles, term(1), content(t, "1")).Err())
	f.restart()
	asked := 0
	f.fault = func(ctx context.Context, c storetest.Call) error {
		if c.Profile == "a" {
			asked++
		}
		return down("a")(ctx, c)
	}
	for range 3 {
		n := f.Newest(t.Context(), group, profiles, capsule.Trust{})
		assert.Equal(t, archive.Found, n.Answer)
		require.ErrorContains(t, n.Problems.Err(), "S3 profile a")
	}
	require.Error(t, f.Sync(t.Context(), group, profiles, term(2), content(t, "1"))["a"])
	assert.Equal(t, 1, asked)
	f.clock.Step(archive.Pause)
	f.fault = nil
	require.NoError(t, f.Newest(t.Context(), group, profiles, capsule.Trust{}).Problems.Err())
}

func TestEmptyRemovesAllOfTheGroupAndNothingElse(t *testing.T) {
	f := newFixture()
	other := capsule.Group{Namespace: "app", Name: "g2"}
	require.NoError(t, f.Sync(t.Context(), group, profiles, term(1), content(t, "1")).Err())
	require.NoError(t, f.Sync(t.Context(), other, profiles, term(1), capsule.Content{other.VRG(): content(t, "1")[group.VRG()]}).Err())
	require.NoError(t, f.Empty(t.Context(), group, profiles, archive.Term{Epoch: 1}).Err())
	assert.Equal(t, archive.Nothing, f.Newest(t.Context(), group, profiles, capsule.Trust{}).Answer)
	assert.Equal(t, archive.Found, f.Newest(t.Context(), other, profiles, capsule.Trust{}).Answer)
	assert.False(t, f.Current(group, profiles, term(1), content(t, "1")))
}

func TestAMissingProfileIsNamed(t *testing.T) {
	f := newFixture()
	require.ErrorContains(t, f.Sync(t.Context(), group, []string{"a", "c"}, term(1), content(t, "1")).Err(), `no profile "c"`)
	problems, err := f.Check(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, problems.Err())
	assert.Len(t, problems, 2)
}
