// SPDX-License-Identifier: Apache-2.0

package cycle_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/mem"
	"github.com/ramendr/ramen-direct/internal/store/storetest"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects/captures"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/objects/enginetest"
	"github.com/ramendr/ramen-direct/spokectrl/objects/steps"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

var (
	shop     = capsule.Group{Namespace: "shop", Name: "g"}
	profiles = []string{"a", "b"}
)

const interval = 5 * time.Minute

// world is two stores, and the keys of two clusters.
type world struct {
	server *mem.Server
	reader client.Reader
	keys   [2]capsule.Key

	mu   sync.Mutex
	down map[string]bool // stores
}

func config(profile string) store.Config {
	return store.Config{Profile: profile, Endpoint: "https://s3.example.com", Bucket: profile, AccessKey: "a", SecretKey: "s"}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{server: mem.New(), down: map[string]bool{}}
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

func (w *world) cut(profile string, down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down[profile] = down
}

// cluster is a cluster with the objects of applications, and a process on it.
type cluster struct {
	t       *testing.T
	w       *world
	number  int
	archive *archive.Archive
	engine  *enginetest.Names
	hooks   *enginetest.Hooks
	process *process
	worker  *cycle.Worker
	woken   chan capsule.Group
	place   atomic.Uint32 // where the application is to run
}

func (w *world) cluster(t *testing.T, number int, have ...string) *cluster {
	t.Helper()
	c := &cluster{t: t, w: w, number: number, engine: enginetest.NewNames(have...), hooks: &enginetest.Hooks{}}
	c.restart()
	return c
}

// restart forgets all that the process knew.
func (c *cluster) restart() {
	if c.worker != nil {
		c.worker.Close()
	}
	c.start()
	require.NoError(c.t, c.worker.Recover(c.t.Context()))
}

// start starts a process that knows nothing yet.
func (c *cluster) start() {
	c.archive = &archive.Archive{Reader: c.w.reader, Namespace: "op", Clock: clock.RealClock{}, Open: storetest.Faulty(c.w.server.Open, func(_ context.Context, call storetest.Call) error {
		c.w.mu.Lock()
		defer c.w.mu.Unlock()
		if c.w.down[call.Profile] {
			return storetest.Failure(call.Profile, store.ReasonUnreachable, errors.New("it is down"))
		}
		return nil
	})}
	c.process = &process{Hooks: c.hooks}
	c.worker = cycle.New(c.engine, &captures.Keeper{Archive: c.archive, Clock: clock.RealClock{}}, cycle.Hooks{Runner: c.process, Journal: c.process, Place: c.runs}, clock.RealClock{})
	c.woken = make(chan capsule.Group, 1000)
	c.worker.OnChange(func(g capsule.Group) { c.woken <- g })
	c.t.Cleanup(c.worker.Close)
}

func (c *cluster) runs(context.Context, capsule.Group) (cycle.Place, error) {
	return cycle.Place(c.place.Load()), nil
}

// process is what hooks of one process reach. One that was killed reaches nothing.
type process struct {
	*enginetest.Hooks
	killed atomic.Bool
}

var errKilled = errors.New("the process was killed")

func (p *process) Run(ctx context.Context, h *recipe.Hook, name string) error {
	if p.killed.Load() {
		return errKilled
	}
	return p.Hooks.Run(ctx, h, name)
}

func (p *process) Undo(ctx context.Context, h *recipe.Hook, name string) error {
	return p.Run(ctx, h, name)
}

func (p *process) Write(ctx context.Context, r steps.Record) error {
	if p.killed.Load() {
		return errKilled
	}
	return p.Hooks.Write(ctx, r)
}

func (p *process) Drop(ctx context.Context, g capsule.Group) error {
	if p.killed.Load() {
		return errKilled
	}
	return p.Hooks.Drop(ctx, g)
}

// kill ends the process without a word, and starts another one.
func (c *cluster) kill() {
	c.t.Helper()
	c.process.killed.Store(true)
	c.restart()
}

func (c *cluster) want(mode cycle.Mode, epoch int64) cycle.Want {
	readers := []string{c.w.keys[0].Public(), c.w.keys[1].Public()}
	return cycle.Want{
		Group: shop, Mode: mode, Profiles: profiles, Readers: readers, App: recipe.Application{Namespaces: []string{"shop"}}, Interval: interval,
		Term: archive.Term{Epoch: epoch, Cluster: string(rune('A' + c.number)), Generation: 1, Key: c.w.keys[c.number], Trust: capsule.Trust{Stored: true, Signers: readers}},
	}
}

// store stores the volumes of the group, which comes before every capture.
func (c *cluster) store(w cycle.Want) {
	c.t.Helper()
	o, err := capsule.Encode(map[string]int64{"epoch": w.Term.Epoch})
	require.NoError(c.t, err)
	problems := c.archive.Sync(c.t.Context(), w.Group, w.Profiles, w.Term, capsule.Content{w.Group.VRG(): o})
	require.False(c.t, problems.All(w.Profiles), "%v", problems.Err())
}

// tend is Tend, again when woken, until nothing moves.
func (c *cluster) tend(w cycle.Want) cycle.Standing {
	c.t.Helper()
	for range 20 {
		is := c.worker.Tend(c.t.Context(), w)
		synctest.Wait()
		if len(c.woken) == 0 {
			return is
		}
		for len(c.woken) > 0 {
			<-c.woken
		}
	}
	require.Fail(c.t, "it does not come to rest")
	return cycle.Standing{}
}

// captured are the IDs of the captures in a store.
func (c *cluster) captured(profile string) []string {
	c.t.Helper()
	s, err := c.w.server.Open(config(profile))
	require.NoError(c.t, err)
	keys, err := s.List(c.t.Context(), shop.Captures())
	require.NoError(c.t, err)
	ids := map[string]bool{}
	for _, key := range keys {
		if p := shop.CaptureOf(key); strings.HasSuffix(key, "/manifest.json") {
			ids[p.ID] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}
