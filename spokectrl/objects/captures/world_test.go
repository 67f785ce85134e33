// SPDX-License-Identifier: Apache-2.0

package captures_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/mem"
	"github.com/ramendr/ramen-direct/internal/store/storetest"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/captures"
)

var (
	group    = capsule.Group{Namespace: "shop", Name: "g"}
	profiles = []string{"a", "b"}
)

// world is two stores, and the keys of two clusters.
type world struct {
	server *mem.Server
	reader client.Reader
	clock  *testclock.FakeClock
	keys   [2]capsule.Key
}

func config(profile string) store.Config {
	return store.Config{Profile: profile, Endpoint: "https://s3.example.com", Bucket: profile, AccessKey: "a", SecretKey: "s"}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{server: mem.New(), clock: testclock.NewFakeClock(time.Unix(1000, 0))}
	text := "s3StoreProfiles:\n"
	for _, p := range profiles {
		w.server.AddBucket(config(p))
		text += "- {s3ProfileName: " + p + ", s3Bucket: " + p + ", s3CompatibleEndpoint: 'https://s3.example.com', s3SecretRef: {name: keys}}\n"
	}
	w.reader = fake.NewClientBuilder().WithObjects(
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "op", Name: "ramen-dr-cluster-operator-config"}, Data: map[string]string{"ramen_manager_config.yaml": text}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "op", Name: "keys"}, Data: map[string][]byte{"AWS_ACCESS_KEY_ID": []byte("a"), "AWS_SECRET_ACCESS_KEY": []byte("s")}},
	).Build()
	for i := range w.keys {
		var err error
		w.keys[i], err = capsule.NewKey()
		require.NoError(t, err)
	}
	return w
}

// process is spokectrl on a cluster, in an epoch.
type process struct {
	*world
	keeper     *captures.Keeper
	archive    *archive.Archive
	term       archive.Term
	recipients []string
}

// start starts a process, on cluster 0 or 1, whose calls of stores meet fault.
func (w *world) start(cluster int, epoch int64, fault storetest.Fault) *process {
	open := w.server.Open
	if fault != nil {
		open = storetest.Faulty(open, fault)
	}
	a := &archive.Archive{Reader: w.reader, Namespace: "op", Clock: w.clock, Open: open}
	signers := []string{w.keys[0].Public(), w.keys[1].Public()}
	return &process{
		world: w, archive: a, keeper: &captures.Keeper{Archive: a, Clock: w.clock}, recipients: signers,
		term: archive.Term{Epoch: epoch, Cluster: string(rune('A' + cluster)), Generation: 7, Key: w.keys[cluster], Trust: capsule.Trust{Stored: true, Signers: signers}},
	}
}

// store stores the volumes of the group, which comes before every capture.
func (p *process) store() error {
	o, err := capsule.Encode(map[string]int64{"epoch": p.term.Epoch})
	if err != nil {
		return err
	}
	p.clock.Step(time.Minute)
	return p.archive.Sync(context.Background(), group, profiles, p.term, capsule.Content{group.VRG(): o}).Err()
}

// capture makes a capture of two steps that hold text. What holds it up may take a minute.
func (p *process) capture(ctx context.Context, text string) (capsule.Pointer, archive.Problems, error) {
	p.clock.Step(time.Minute)
	w, err := p.keeper.Begin(ctx, captures.Begun{Group: group, Profiles: profiles, Term: p.term, Recipients: p.recipients, Engine: "test", Format: "1"})
	if err != nil {
		return capsule.Pointer{}, nil, err
	}
	for _, step := range []string{"one", "two"} {
		into := w.Step(step)
		for _, part := range []string{text + "/" + step + "/1\n", text + "/" + step + "/2\n"} {
			if err := into.Put(ctx, []byte(part)); err != nil {
				return capsule.Pointer{}, w.Problems(), err
			}
		}
		w.Finish(objects.Progress{State: objects.Done, Counts: map[string]int{"configmaps": 2}})
	}
	pointer, err := w.Commit(ctx)
	return pointer, w.Problems(), err
}

// restored is what a restore from the stores would find.
func (p *process) newest() captures.Capture {
	p.clock.Step(time.Minute)
	return p.keeper.Newest(context.Background(), captures.Asked{Group: group, Profiles: profiles, Trust: p.term.Trust, Key: p.term.Key})
}

// text is what the parts of a capture hold; it has to be the same in all of them.
func text(t *testing.T, c captures.Capture) string {
	t.Helper()
	require.Equal(t, captures.Found, c.Answer, "%v", c.Problems.Err())
	var parts []string
	for _, step := range []string{"one", "two"} {
		require.NoError(t, c.Step(step).Each(t.Context(), func(part []byte) error {
			parts = append(parts, string(part))
			return nil
		}))
	}
	of, _, _ := strings.Cut(parts[0], "/")
	require.Equal(t, []string{of + "/one/1\n", of + "/one/2\n", of + "/two/1\n", of + "/two/2\n"}, parts)
	return of
}

// at is a fault that does something before the call with this number, and returns its error for that and all calls after it.
func at(n int, do func() error) (storetest.Fault, *bool) {
	var mu sync.Mutex
	reached := false
	calls := 0
	var failure error
	return func(_ context.Context, c storetest.Call) error {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls == n {
			reached = true
			failure = do()
		}
		if failure != nil {
			return storetest.Failure(c.Profile, store.ReasonError, failure)
		}
		return nil
	}, &reached
}

var errCrashed = errors.New("the process is gone")

func (w *world) bucket(t *testing.T, profile string) store.Store {
	t.Helper()
	s, err := w.server.Open(config(profile))
	require.NoError(t, err)
	return s
}
