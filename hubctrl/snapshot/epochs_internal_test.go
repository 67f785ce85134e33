// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// side is one whose copy was made from the wish, of epoch 2 and generation 3.
func side() *Side {
	wish := &v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{UID: "wish", Generation: 3, Annotations: map[string]string{exchange.AnnotationEpoch: "2"}}}
	wish.Spec.ReplicationState = v1alpha1.Secondary
	report := wish.DeepCopy()
	report.Status.Exchange = &v1alpha1.ExchangeStamp{WishUID: "wish", WishGeneration: 3, Epoch: 2, SpokeUID: "copy"}
	return &Side{Cluster: "dr1", Wish: wish, Report: report, Believable: true}
}

func TestWhetherAClusterRemembersMoreThanTheHub(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(at *Side, stamp *v1alpha1.ExchangeStamp)
		want plan.Memory
	}{
		"it obeys the wish":                        {func(*Side, *v1alpha1.ExchangeStamp) {}, plan.Remembered},
		"it obeys an earlier generation":           {func(_ *Side, s *v1alpha1.ExchangeStamp) { s.WishGeneration = 2 }, plan.Remembered},
		"it obeys an earlier epoch":                {func(_ *Side, s *v1alpha1.ExchangeStamp) { s.Epoch, s.WishGeneration = 1, 9 }, plan.Remembered},
		"it obeys a later epoch":                   {func(_ *Side, s *v1alpha1.ExchangeStamp) { s.Epoch = 3 }, plan.Forgotten},
		"a later epoch that no hub can have meant": {func(at *Side, s *v1alpha1.ExchangeStamp) { s.Epoch, at.Believable = 3, false }, plan.Remembered},
		"a later generation that says the same":    {func(_ *Side, s *v1alpha1.ExchangeStamp) { s.WishGeneration = 4 }, plan.Recalled},
		"a later generation that says otherwise": {func(at *Side, s *v1alpha1.ExchangeStamp) {
			s.WishGeneration = 4
			at.Report.Spec.ReplicationState = v1alpha1.Primary
		}, plan.Forgotten},
		"a later generation that tells of the peer": {func(at *Side, s *v1alpha1.ExchangeStamp) {
			s.WishGeneration = 4
			at.Report.Annotations = map[string]string{v1alpha1.AnnotationPeerServes: On}
		}, plan.Forgotten},
		"a copy of another wish":                {func(_ *Side, s *v1alpha1.ExchangeStamp) { s.WishUID, s.Epoch = "other", 3 }, plan.Remembered},
		"the same, which the wish was to adopt": {func(at *Side, s *v1alpha1.ExchangeStamp) { adopt(at, s, 3) }, plan.Forgotten},
		"the same, of no later epoch":           {func(at *Side, s *v1alpha1.ExchangeStamp) { adopt(at, s, 2) }, plan.Remembered},
		"there is no wish":                      {func(at *Side, s *v1alpha1.ExchangeStamp) { at.Wish, s.Epoch = nil, 3 }, plan.Remembered},
		"the wish ends": {func(at *Side, s *v1alpha1.ExchangeStamp) {
			at.Wish.DeletionTimestamp, s.Epoch = &metav1.Time{Time: time.Unix(1, 0)}, 3
		}, plan.Remembered},
		"the copy is being deleted": {func(_ *Side, s *v1alpha1.ExchangeStamp) { s.SpokeDeleting, s.Epoch = true, 3 }, plan.Remembered},
	} {
		t.Run(name, func(t *testing.T) {
			at := side()
			tc.edit(at, at.Report.Status.Exchange)
			assert.Equal(t, tc.want, memory(at))
		})
	}
}

func adopt(at *Side, stamp *v1alpha1.ExchangeStamp, epoch int64) {
	at.Wish.Annotations[exchange.AnnotationAdoptUID] = stamp.SpokeUID
	stamp.WishUID, stamp.Epoch = "other", epoch
}

func TestTheOrderOfEpochs(t *testing.T) {
	for name, tc := range map[string]struct {
		first, second string // epochs of the wishes; empty: no wish
		told          int64  // that the first cluster reports
		believable    bool
		ranks         [2]int
		last          int64
	}{
		"no wishes":                       {"", "", 0, false, [2]int{1, 1}, 0},
		"one wish":                        {"4", "", 0, false, [2]int{2, 1}, 4},
		"the second is later":             {"4", "7", 4, true, [2]int{1, 2}, 7},
		"they are equal":                  {"4", "4", 4, true, [2]int{1, 1}, 4},
		"one can't be read":               {"many", "1", 0, false, [2]int{1, 2}, 1},
		"a cluster was told a later one":  {"4", "7", 9, true, [2]int{1, 2}, 9},
		"it says so, and is not believed": {"4", "7", 9007199254740991, false, [2]int{1, 2}, 7},
	} {
		t.Run(name, func(t *testing.T) {
			w := &Snapshot{}
			for i, epoch := range []string{tc.first, tc.second} {
				if epoch != "" {
					w.Sides[i].Wish = &v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{exchange.AnnotationEpoch: epoch}}}
				}
			}
			w.Sides[0].Believable = tc.believable
			w.Sides[0].Report = &v1alpha1.VolumeReplicationGroup{Status: v1alpha1.VolumeReplicationGroupStatus{Exchange: &v1alpha1.ExchangeStamp{Epoch: tc.told}}}
			rankEpochs(w)
			assert.Equal(t, tc.ranks, [2]int{int(w.Facts.At(plan.First).Wish.Epoch), int(w.Facts.At(plan.Second).Wish.Epoch)})
			assert.Equal(t, tc.last, w.LastEpoch())
		})
	}
}
