// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/storetest"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

func large(t *testing.T, claims int) capsule.Content {
	t.Helper()
	var pairs []capsule.Pair
	for i := range claims {
		name := fmt.Sprintf("data-%d", i)
		pairs = append(pairs, capsule.Pair{
			PV: &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv-" + name},
				Spec: corev1.PersistentVolumeSpec{ClaimRef: &corev1.ObjectReference{Namespace: "app", Name: name}}},
			PVC: &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: name}, Spec: corev1.PersistentVolumeClaimSpec{VolumeName: "pv-" + name}},
		})
	}
	c, err := capsule.Build(&v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: "g"}}, pairs)
	require.NoError(t, err)
	return c
}

// pause is what a call of a slow store takes.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return storetest.Failure("a", store.ReasonUnreachable, ctx.Err())
	}
}

// TestALargeGroupOnASlowStoreIsStoredAndRestored : 500 claims are 1001 objects, 16 at a time.
func TestALargeGroupOnASlowStoreIsStoredAndRestored(t *testing.T) {
	content := large(t, 500)
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		f.fault = func(ctx context.Context, _ storetest.Call) error { return pause(ctx, 200*time.Millisecond) }
		require.NoError(t, f.Sync(t.Context(), group, profiles, term(1), content).Err())
		f.restart()
		n := f.Newest(t.Context(), group, profiles, capsule.Trust{})
		require.NoError(t, n.Problems.Err())
		assert.Len(t, n.Pairs, 500)
	})
}

func TestAStoreThatSwallowsCallsIsGivenUpSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		began := time.Now()
		f.fault = func(ctx context.Context, c storetest.Call) error {
			if c.Profile == "a" {
				return pause(ctx, time.Hour)
			}
			return nil
		}
		problems := f.Sync(t.Context(), group, profiles, term(1), content(t, "1"))
		require.Error(t, problems["a"])
		require.NoError(t, problems["b"])
		assert.Equal(t, archive.Budget, time.Since(began))
	})
}

// TestAnUpdateThatIsCutShortGoesOnWhereItWas: a store that fails now and then does not take everything from the beginning.
func TestAnUpdateThatIsCutShortGoesOnWhereItWas(t *testing.T) {
	f := newFixture()
	puts, broken := 0, false
	f.fault = oneByOne(func(_ context.Context, c storetest.Call) error {
		if c.Op != storetest.OpPut || c.Profile != "a" {
			return nil
		}
		if puts++; broken || puts > 20 {
			broken = true
			return storetest.Failure("a", store.ReasonUnreachable, errors.New("cut"))
		}
		return nil
	})
	one, content := []string{"a"}, large(t, 12) // 25 objects
	require.Error(t, f.Sync(t.Context(), group, one, term(1), content).Err())
	f.clock.Step(archive.Pause)
	puts, broken = 0, false
	require.NoError(t, f.Sync(t.Context(), group, one, term(1), content).Err())
	assert.LessOrEqual(t, puts, 10)
	assert.Len(t, f.Newest(t.Context(), group, one, capsule.Trust{}).Pairs, 12)
}

// TestADeadStoreIsPaidForOnce, not by each group.
func TestADeadStoreIsPaidForOnce(t *testing.T) {
	f := newFixture()
	asked := 0
	f.fault = func(ctx context.Context, c storetest.Call) error {
		if c.Profile == "a" {
			asked++
		}
		return down("a")(ctx, c)
	}
	for i := range 20 {
		g := capsule.Group{Namespace: "app", Name: fmt.Sprint("g", i)}
		n := f.Newest(t.Context(), g, profiles, capsule.Trust{})
		assert.Equal(t, archive.Unknown, n.Answer, "nobody knows what it has")
		require.ErrorContains(t, n.Problems.Err(), "S3 profile a")
	}
	assert.Equal(t, 1, asked)
	f.clock.Step(archive.Pause)
	f.fault = nil
	assert.Equal(t, archive.Nothing, f.Newest(t.Context(), group, profiles, capsule.Trust{}).Answer)
}

// TestTheStoreThatWasWrittenLaterIsNewer, whatever either missed before.
func TestTheStoreThatWasWrittenLaterIsNewer(t *testing.T) {
	for name, restarts := range map[string]bool{"one process": false, "restarts": true} {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			sync := func(version string, missing ...string) {
				f.clock.Step(archive.Pause)
				f.fault = nil
				for _, m := range missing {
					f.fault = down(m)
				}
				if restarts {
					f.restart()
				}
				_ = f.Sync(t.Context(), group, profiles, term(1), content(t, version))
			}
			sync("1", "b")
			sync("2", "b")
			sync("3", "b")
			sync("4") // b catches up
			sync("5", "a")
			f.fault = nil
			f.restart()
			n := f.Newest(t.Context(), group, profiles, capsule.Trust{})
			assert.Equal(t, "5", n.Pairs[0].PV.Labels["version"])
			assert.Equal(t, "b", n.Profile)
		})
	}
}

// TestWhatAStoreLosesIsStoredAgain : buckets have rules that expire objects, and people who empty them.
func TestWhatAStoreLosesIsStoredAgain(t *testing.T) {
	for name, lost := range map[string][]string{"all": nil, "a volume": {group.PV("pv")}, "the manifest": {group.Manifest()}} {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			require.NoError(t, f.Sync(t.Context(), group, profiles, term(1), content(t, "1")).Err())
			s, err := f.server.Open(store.Config{Profile: "a", Endpoint: "https://s3.example.com", Bucket: "a", AccessKey: "a", SecretKey: "s"})
			require.NoError(t, err)
			if lost == nil {
				lost, err = s.List(t.Context(), group.Prefix())
				require.NoError(t, err)
			}
			require.NoError(t, s.Delete(t.Context(), lost...))
			assert.True(t, f.Current(group, profiles, term(1), content(t, "1")), "not at each look")
			f.clock.Step(archive.Recheck)
			assert.False(t, f.Current(group, profiles, term(1), content(t, "1")))
			require.NoError(t, f.Sync(t.Context(), group, profiles, term(1), content(t, "1")).Err())
			assert.True(t, f.Current(group, profiles, term(1), content(t, "1")))
			assert.Equal(t, archive.Found, f.Newest(t.Context(), group, []string{"a"}, capsule.Trust{}).Answer)
		})
	}
}

func TestALookAtWhatIsStoredWritesNothing(t *testing.T) {
	f := newFixture()
	require.NoError(t, f.Sync(t.Context(), group, profiles, term(1), content(t, "1")).Err())
	f.clock.Step(archive.Recheck)
	f.fault = func(_ context.Context, c storetest.Call) error {
		assert.NotEqual(t, storetest.OpPut, c.Op)
		return nil
	}
	require.NoError(t, f.Sync(t.Context(), group, profiles, term(1), content(t, "1")).Err())
}

// TestAPromotionDuringAnUpdateIsNoticed : the update had looked before the peer wrote, and overwrites objects of the peer.
func TestAPromotionDuringAnUpdateIsNoticed(t *testing.T) {
	for name, tc := range map[string]struct {
		at      string
		writes  func(store.Opener) store.Opener
		noticed bool // at once, and not by the peer
	}{
		"before an object":                                      {group.PV("pv"), conditionally, true},
		"before the manifest":                                   {group.Manifest(), conditionally, true},
		"before an object, without conditional writes":          {group.PV("pv"), unconditionally, true},
		"before the manifest, without conditional writes":       {group.Manifest(), unconditionally, false},
		"before the manifest, and conditions are not looked at": {group.Manifest(), carelessly, false},
	} {
		t.Run(name, func(t *testing.T) {
			at := tc.at
			f, peer := newFixture(), newFixture()
			f.Open = tc.writes(f.Open)
			peer.server = f.server
			peer.restart()
			one, second := []string{"a"}, archive.Term{Epoch: 2, Cluster: "c2"}
			promoted := false
			f.fault = oneByOne(func(_ context.Context, c storetest.Call) error {
				if c.Op == storetest.OpPut && c.Key == at && !promoted {
					promoted = true
					require.NoError(t, peer.Sync(t.Context(), group, one, second, content(t, "2")).Err())
				}
				return nil
			})
			err := f.Sync(t.Context(), group, one, term(1), content(t, "1")).Err()
			require.True(t, promoted)
			if tc.noticed {
				require.ErrorContains(t, err, "epoch 2")
				s, err := f.server.Open(store.Config{Profile: "a", Endpoint: "https://s3.example.com", Bucket: "a", AccessKey: "a", SecretKey: "s"})
				require.NoError(t, err)
				body, err := s.Get(t.Context(), group.Manifest())
				require.NoError(t, err)
				m, err := capsule.DecodeManifest(group, body)
				require.NoError(t, err)
				assert.EqualValues(t, 2, m.Epoch, "it was not written over")
			}
			peer.clock.Step(archive.Recheck) // its next look finds what was overwritten
			require.NoError(t, peer.Sync(t.Context(), group, one, second, content(t, "2")).Err())
			n := peer.Newest(t.Context(), group, one, capsule.Trust{})
			require.Equal(t, archive.Found, n.Answer)
			assert.Equal(t, "2", n.Pairs[0].PV.Labels["version"], "the higher epoch has the last word")
			f.clock.Step(archive.Recheck)
			require.ErrorContains(t, f.Sync(t.Context(), group, one, term(1), content(t, "3")).Err(), "epoch 2")
		})
	}
}

func conditionally(open store.Opener) store.Opener { return open }

// unconditionally is a server that refuses conditional writes.
func unconditionally(open store.Opener) store.Opener {
	return func(c store.Config) (store.Store, error) {
		s, err := open(c)
		return unconditional{s}, err
	}
}

type unconditional struct{ store.Store }

func (unconditional) Replace(context.Context, string, []byte, store.Version) (store.Version, error) {
	return store.AbsentVersion, store.ErrUnconditional
}

// carelessly is a server that writes whatever the condition.
func carelessly(open store.Opener) store.Opener {
	return func(c store.Config) (store.Store, error) {
		s, err := open(c)
		return careless{s}, err
	}
}

type careless struct{ store.Store }

func (c careless) Replace(ctx context.Context, key string, body []byte, _ store.Version) (store.Version, error) {
	return store.AbsentVersion, c.Put(ctx, key, body)
}

// TestObjectsWithoutAManifestAreNotNothing : another writer's, as Ramen's, are read; what can't be read is not known.
func TestObjectsWithoutAManifestAreNotNothing(t *testing.T) {
	f := newFixture()
	s, err := f.server.Open(store.Config{Profile: "a", Endpoint: "https://s3.example.com", Bucket: "a", AccessKey: "a", SecretKey: "s"})
	require.NoError(t, err)
	for key, o := range content(t, "ramen") {
		require.NoError(t, s.Put(t.Context(), key, o.Body))
	}
	n := f.Newest(t.Context(), group, profiles, capsule.Trust{})
	require.Equal(t, archive.Found, n.Answer)
	assert.Equal(t, "ramen", n.Pairs[0].PV.Labels["version"])
	assert.Zero(t, n.Manifest.Epoch, "anything with a manifest is newer")

	require.NoError(t, s.Delete(t.Context(), group.PV("pv")))
	n = f.Newest(t.Context(), group, profiles, capsule.Trust{})
	assert.Equal(t, archive.Unknown, n.Answer)
	require.ErrorContains(t, n.Problems.Err(), "without a manifest")
}

// TestAStoreThatWasGivenUpIsNoObstacleToTheEnd : the configuration does not list it any more.
func TestAStoreThatWasGivenUpIsNoObstacleToTheEnd(t *testing.T) {
	f := newFixture()
	require.NoError(t, f.Sync(t.Context(), group, profiles, term(1), content(t, "1")).Err())
	require.NoError(t, f.Empty(t.Context(), group, []string{"a", "lost"}, archive.Term{Epoch: 1}).Err())
	assert.Equal(t, archive.Nothing, f.Newest(t.Context(), group, []string{"a"}, capsule.Trust{}).Answer)
	f.fault = down("b")
	require.Error(t, f.Empty(t.Context(), group, profiles, archive.Term{Epoch: 1}).Err(), "one that does not answer may come back")
}

// TestOneOfManyTriesAStoreAgain : the others hear of it from that one.
func TestOneOfManyTriesAStoreAgain(t *testing.T) {
	f := newFixture()
	f.fault = down("b")
	require.Error(t, f.Empty(t.Context(), group, profiles, archive.Term{Epoch: 1}).Err())
	f.clock.Step(archive.Pause)
	tried := 0
	f.fault = func(ctx context.Context, c storetest.Call) error {
		if c.Profile != "b" {
			return nil
		}
		tried++
		if tried == 1 { // while one waits for the answer
			for i := range 3 {
				other := capsule.Group{Namespace: "app", Name: fmt.Sprintf("g%d", i)}
				require.Error(t, f.Empty(ctx, other, profiles, archive.Term{Epoch: 1}).Err())
			}
		}
		return storetest.Failure("b", store.ReasonUnreachable, context.DeadlineExceeded)
	}
	require.Error(t, f.Empty(t.Context(), group, profiles, archive.Term{Epoch: 1}).Err())
	assert.Equal(t, 1, tried)
}

// TestACallerThatGoesAwaySaysNothingAboutAStore : others ask it at once.
func TestACallerThatGoesAwaySaysNothingAboutAStore(t *testing.T) {
	f := newFixture()
	require.NoError(t, f.Sync(t.Context(), group, profiles, term(1), large(t, 1)).Err())
	ctx, leave := context.WithCancel(t.Context())
	f.fault = func(ctx context.Context, c storetest.Call) error {
		leave()
		return storetest.Failure(c.Profile, store.ReasonUnreachable, ctx.Err())
	}
	_, problems := f.Pointers(ctx, group, profiles, capsule.Trust{})
	require.Error(t, problems.Err())
	f.fault = nil
	require.NoError(t, f.Empty(t.Context(), group, profiles, archive.Term{Epoch: 1}).Err())
}
