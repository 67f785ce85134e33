// SPDX-License-Identifier: Apache-2.0

package exchange_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

func TestX2_NamesAreValidAndDiffer(t *testing.T) {
	long, name := strings.Repeat("n", 63), strings.Repeat("v", 253)
	assert.Equal(t, "app.db", exchange.ObjectName("app", "db"))
	cut := exchange.ObjectName(long, name)
	assert.LessOrEqual(t, len(cut), 253)
	assert.NotEqual(t, cut, exchange.ObjectName(long, name[:252]+"w"), "names that differ in what is cut off")
	assert.NotEqual(t, exchange.ObjectName("a", "b-c"), exchange.ObjectName("a-b", "c"))
	assert.Len(t, exchange.ObjectName("n", strings.Repeat("v", 251)), 253, "what fits is not cut")
}

func TestX2_NamespacesAndTheirClusters(t *testing.T) {
	for _, ns := range []string{exchange.Outbox("east"), exchange.Inbox("east")} {
		cluster, ok := exchange.ClusterOf(ns)
		assert.True(t, ok)
		assert.Equal(t, "east", cluster)
	}
	for _, ns := range []string{"outbox-", "inbox", "default"} {
		_, ok := exchange.ClusterOf(ns)
		assert.False(t, ok, ns)
	}
}

func TestX2_ATargetIsReadFromAnnotationsOnly(t *testing.T) {
	obj := &v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{Namespace: "outbox-a", Name: "app.db"}}
	_, err := exchange.Target(obj)
	require.ErrorContains(t, err, "exchange.ramendr.openshift.io/namespace")
	obj.Annotations = map[string]string{exchange.AnnotationNamespace: "other", exchange.AnnotationName: "vrg"}
	target, err := exchange.Target(obj)
	require.NoError(t, err)
	assert.Equal(t, types.NamespacedName{Namespace: "other", Name: "vrg"}, target)
}

func answer() (wish, report *v1alpha1.VolumeReplicationGroup) {
	wish = &v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{UID: "u", Generation: 3, Annotations: map[string]string{exchange.AnnotationEpoch: "2"}}}
	report = &v1alpha1.VolumeReplicationGroup{Status: v1alpha1.VolumeReplicationGroupStatus{
		ObservedGeneration: 7,
		Conditions:         []metav1.Condition{{Type: "DataReady", Status: metav1.ConditionTrue, Reason: "Ready", ObservedGeneration: 7}},
		Exchange:           &v1alpha1.ExchangeStamp{WishUID: "u", WishGeneration: 3, Epoch: 2, SpokeUID: "s", SpokeGeneration: 7},
	}}
	return wish, report
}

func TestX3_Answers(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(wish, report *v1alpha1.VolumeReplicationGroup)
		want   bool
	}{
		"the wish as it is":                 {func(_, _ *v1alpha1.VolumeReplicationGroup) {}, true},
		"an older wish with the same spec":  {func(w, _ *v1alpha1.VolumeReplicationGroup) { w.Generation = 5 }, false},
		"a wish that was re-created":        {func(w, _ *v1alpha1.VolumeReplicationGroup) { w.UID = "v" }, false},
		"an older epoch":                    {func(w, _ *v1alpha1.VolumeReplicationGroup) { w.Annotations[exchange.AnnotationEpoch] = "3" }, false},
		"an epoch that can't be read":       {func(w, _ *v1alpha1.VolumeReplicationGroup) { w.Annotations[exchange.AnnotationEpoch] = "x" }, false},
		"a spoke that has not looked yet":   {func(_, r *v1alpha1.VolumeReplicationGroup) { r.Status.ObservedGeneration = 6 }, false},
		"a report without a stamp":          {func(_, r *v1alpha1.VolumeReplicationGroup) { r.Status.Exchange = nil }, false},
		"the hub's generation of a report":  {func(_, r *v1alpha1.VolumeReplicationGroup) { r.Generation = 99 }, true},
		"an object that no mirror has made": {func(_, r *v1alpha1.VolumeReplicationGroup) { r.Status.Exchange.WishUID = "" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			wish, report := answer()
			tc.change(wish, report)
			assert.Equal(t, tc.want, exchange.Answers(wish, report))
		})
	}
	assert.False(t, exchange.Answers(nil, nil))
}

func TestX3_AConditionCountsForItsGenerationOnly(t *testing.T) {
	_, report := answer()
	assert.Equal(t, metav1.ConditionTrue, exchange.Condition(report, "DataReady").Status)
	assert.Equal(t, "Missing", exchange.Condition(report, "DataProtected").Reason)
	report.Status.Conditions[0].ObservedGeneration = 6
	assert.Equal(t, metav1.ConditionUnknown, exchange.Condition(report, "DataReady").Status)
	assert.Equal(t, "NotReported", exchange.Condition(nil, "DataReady").Reason)
}

func TestX4_TheDigestIsOfNamesAndUIDs(t *testing.T) {
	a, b := exchange.Item{Namespace: "n", Name: "a", UID: "1"}, exchange.Item{Namespace: "n", Name: "b", UID: "2"}
	digest := exchange.Digest([]exchange.Item{a, b})
	assert.Equal(t, digest, exchange.Digest([]exchange.Item{b, a}), "order does not matter")
	again := a
	again.UID = "3"
	for _, other := range [][]exchange.Item{nil, {a}, {again, b}, {a, b, b}} {
		assert.NotEqual(t, digest, exchange.Digest(other))
	}
}

func lease(renewed time.Time, digest string) *coordinationv1.Lease {
	at := metav1.NewMicroTime(renewed)
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{UID: "l", Annotations: map[string]string{exchange.AnnotationInventory: digest}},
		Spec:       coordinationv1.LeaseSpec{RenewTime: &at},
	}
}

func TestX4_AbsenceNeedsALiveLinkAndACompleteInbox(t *testing.T) {
	_, report := answer()
	report.Annotations = map[string]string{exchange.AnnotationNamespace: "app", exchange.AnnotationName: "db"}
	report.Name = "app.db"
	inbox := exchange.InventoryOf([]v1alpha1.VolumeReplicationGroup{*report})
	digest := exchange.Digest([]exchange.Item{{Namespace: "app", Name: "db", UID: "s"}})
	live, lost := exchange.Link{State: exchange.LinkLive}, exchange.Link{State: exchange.LinkLost}
	whole, partial := lease(time.Now(), digest), lease(time.Now(), "other")
	db, other := types.NamespacedName{Namespace: "app", Name: "db"}, types.NamespacedName{Namespace: "app", Name: "d"}

	assert.Equal(t, exchange.Absent, exchange.ViewOf(live, whole, inbox, other))
	assert.Equal(t, exchange.Unknown, exchange.ViewOf(lost, whole, inbox, other))
	assert.Equal(t, exchange.Unknown, exchange.ViewOf(live, partial, inbox, other))
	assert.Equal(t, exchange.Unknown, exchange.ViewOf(live, nil, &exchange.Inventory{}, other))
	assert.Equal(t, exchange.Present, exchange.ViewOf(lost, nil, inbox, db))
	assert.Equal(t, exchange.Present, exchange.ViewOf(live, whole, inbox, db), "a report that the hub did not find a moment ago is no proof of absence")

	report.Status.Exchange, report.Annotations = nil, nil // half written
	half := exchange.InventoryOf([]v1alpha1.VolumeReplicationGroup{*report})
	assert.Equal(t, exchange.Unknown, exchange.ViewOf(live, whole, half, other))
	assert.Equal(t, exchange.Present, exchange.ViewOf(live, whole, half, db), "it has its name")
}

func TestX4_AnInventoryIsKeptOneReportAtATime(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	kept, want := &exchange.Inventory{}, map[string]exchange.Item{}
	for range 2000 {
		name := fmt.Sprintf("n.%d", random.IntN(40))
		was, known := want[name]
		if random.IntN(3) == 0 {
			assert.Equal(t, known, kept.Remove(name), "news")
			delete(want, name)
		} else {
			// Two reports may say the same.
			it := exchange.Item{Namespace: "n", Name: fmt.Sprint(random.IntN(20)), UID: fmt.Sprint(random.IntN(3))}
			assert.Equal(t, !known || was != it, kept.Put(name, it), "news")
			want[name] = it
		}
		items := slices.Collect(maps.Values(want))
		require.Equal(t, exchange.Digest(items), kept.Digest())
		about := types.NamespacedName{Namespace: "n", Name: fmt.Sprint(random.IntN(40))}
		_, named := want["n."+about.Name]
		assert.Equal(t, named || slices.ContainsFunc(items, func(it exchange.Item) bool { return it.Name == about.Name }), kept.Has(about))
	}
}

func TestX4_AnObjectThatIsNotAcceptedIsNoObstacleToOthers(t *testing.T) {
	_, report := answer()
	report.Name, report.Annotations = "app.db", map[string]string{exchange.AnnotationNamespace: "app", exchange.AnnotationName: "db"}
	item := exchange.Item{Namespace: "app", Name: "db", UID: "s"}
	inventory := []exchange.Item{item, {Namespace: "app", Name: "big", UID: "b"}, {Namespace: "app", Name: "odd", UID: "o"}}
	leased := lease(time.Now(), exchange.Digest(inventory))
	exchange.Refused(leased.Annotations, inventory, []string{"app/odd", "app/big"})
	assert.Equal(t, []string{"app/big", "app/odd"}, exchange.Unreported(leased))
	live := exchange.Link{State: exchange.LinkLive}
	half := v1alpha1.VolumeReplicationGroup{} // what is left of a report that was refused
	half.Name = "app.big"
	half.Annotations = map[string]string{exchange.AnnotationNamespace: "app", exchange.AnnotationName: "big"}
	is := func(link exchange.Link, name string, reports ...v1alpha1.VolumeReplicationGroup) exchange.View {
		return exchange.ViewOf(link, leased, exchange.InventoryOf(reports), types.NamespacedName{Namespace: "app", Name: name})
	}
	assert.Equal(t, exchange.Absent, is(live, "new", *report))
	assert.Equal(t, exchange.Absent, is(live, "new", *report, half))
	assert.Equal(t, exchange.Unknown, is(live, "big", *report), "it exists")
	assert.Equal(t, exchange.Unknown, is(live, "new"), "a report is missing")
	assert.Equal(t, exchange.Unknown, is(exchange.Link{State: exchange.LinkLost}, "new", *report))

	exchange.Refused(leased.Annotations, inventory, nil)
	assert.Empty(t, exchange.Unreported(leased))
	assert.Equal(t, exchange.Unknown, is(live, "new", *report))

	var many []string
	for i := range 2000 {
		many = append(many, fmt.Sprintf("app/%s%d", strings.Repeat("x", 60), i))
	}
	exchange.Refused(leased.Annotations, inventory, many)
	assert.LessOrEqual(t, len(leased.Annotations[exchange.AnnotationUnreported]), 64<<10)
	assert.Empty(t, leased.Annotations[exchange.AnnotationReported], "not all are named, so that nothing is known of the rest")
	assert.Equal(t, exchange.Unknown, is(live, "new", *report))
}

func TestX5_ALinkIsLiveByTheHubsOwnClock(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	off := now.Add(-10 * time.Minute) // the spoke's clock
	h := exchange.NewHeartbeats()
	see := func(l *coordinationv1.Lease, after time.Duration) exchange.LinkState {
		return h.See("c", l, now.Add(after)).State
	}

	assert.Equal(t, exchange.LinkNever, see(nil, 0))
	assert.Equal(t, exchange.LinkConnecting, see(lease(off, ""), 0), "the first look tells nothing about when it was renewed")
	assert.Equal(t, exchange.LinkConnecting, see(lease(off, ""), 14*time.Second))
	assert.Equal(t, exchange.LinkLost, see(lease(off, ""), 15*time.Second))
	assert.Equal(t, exchange.LinkLive, see(lease(off.Add(5*time.Second), ""), 16*time.Second))
	assert.Equal(t, exchange.LinkLive, see(lease(off.Add(5*time.Second), ""), 30*time.Second))
	assert.Equal(t, exchange.LinkLost, see(lease(off.Add(5*time.Second), ""), 31*time.Second))
	assert.Equal(t, 15*time.Second, h.See("c", lease(off.Add(5*time.Second), ""), now.Add(31*time.Second)).Age(now.Add(31*time.Second)))
}

func TestX9_EpochsAreDecimalNumbers(t *testing.T) {
	obj := &v1alpha1.VolumeReplicationGroup{}
	for text, want := range map[string]int64{"": 0, "0": 0, exchange.FormatEpoch(12): 12} {
		obj.Annotations = map[string]string{exchange.AnnotationEpoch: text}
		got, err := exchange.EpochOf(obj)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, text := range []string{"-1", "x", "1.5"} {
		obj.Annotations = map[string]string{exchange.AnnotationEpoch: text}
		_, err := exchange.EpochOf(obj)
		assert.Error(t, err, text)
	}
}

func TestX16_EpochsAreBounded(t *testing.T) {
	for name, tc := range map[string]struct {
		epoch, known int64
		want         bool
	}{
		"the one that was wished":                      {3, 3, true},
		"a later one, of a hub before a backup":        {7, 3, true},
		"one that a hub which was lost can have given": {exchange.MaxLead, 0, true},
		"one that no hub can have given":               {exchange.MaxLead + 1, 0, false},
		"the highest number there is":                  {math.MaxInt64, 3, false},
		"the highest number, near the end of epochs":   {math.MaxInt64, exchange.MaxEpoch, false},
		"the highest epoch":                            {exchange.MaxEpoch, exchange.MaxEpoch, true},
		"a negative one":                               {-1, 3, false},
	} {
		assert.Equal(t, tc.want, exchange.Believable(tc.epoch, tc.known), name)
	}
	assert.Equal(t, int64(4), exchange.NextEpoch(3))
	assert.Equal(t, exchange.MaxEpoch, exchange.NextEpoch(exchange.MaxEpoch), "it never becomes negative")
	assert.Equal(t, exchange.MaxEpoch, exchange.NextEpoch(math.MaxInt64))

	wish := &v1alpha1.VolumeReplicationGroup{}
	wish.Annotations = map[string]string{exchange.AnnotationEpoch: exchange.FormatEpoch(exchange.MaxEpoch + 1)}
	_, err := exchange.EpochOf(wish)
	assert.ErrorContains(t, err, "want a decimal number up to 9007199254740991")
}
