// SPDX-License-Identifier: Apache-2.0

package exchange_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func renewed(uid string, at time.Time) *coordinationv1.Lease {
	l := &coordinationv1.Lease{}
	l.UID = types.UID(uid)
	renewal := metav1.NewMicroTime(at)
	l.Spec.RenewTime = &renewal
	return l
}

func TestX5_ALinkIsLiveOnlyWhileItsRenewalsAreSeen(t *testing.T) {
	// The mirror's clock is ten minutes ahead, which does not matter.
	ahead := noon.Add(10 * time.Minute)
	h := exchange.NewHeartbeats()
	at := func(seconds time.Duration) time.Time { return noon.Add(seconds * time.Second) }
	for i, step := range []struct {
		lease *coordinationv1.Lease
		now   time.Time
		want  exchange.Link
	}{
		{nil, at(0), exchange.Link{State: exchange.LinkNever}},
		{renewed("a", ahead), at(1), exchange.Link{State: exchange.LinkConnecting, LastRenewal: ahead, Expires: at(16)}},
		{renewed("a", ahead), at(14), exchange.Link{State: exchange.LinkConnecting, LastRenewal: ahead, Expires: at(16)}},
		{renewed("a", ahead), at(16), exchange.Link{State: exchange.LinkLost, LastRenewal: ahead}},
		{renewed("a", ahead.Add(5*time.Second)), at(17), exchange.Link{State: exchange.LinkLive, LastRenewal: at(17), Expires: at(32)}},
		{renewed("a", ahead.Add(5*time.Second)), at(31), exchange.Link{State: exchange.LinkLive, LastRenewal: at(17), Expires: at(32)}},
		{renewed("a", ahead.Add(5*time.Second)), at(32), exchange.Link{State: exchange.LinkLost, LastRenewal: at(17)}},
		{renewed("a", ahead.Add(30*time.Second)), at(40), exchange.Link{State: exchange.LinkLive, LastRenewal: at(40), Expires: at(55)}},
		{renewed("b", ahead.Add(35*time.Second)), at(50), exchange.Link{State: exchange.LinkLive, LastRenewal: at(50), Expires: at(65)}},
		{nil, at(51), exchange.Link{State: exchange.LinkNever}},
		{renewed("b", noon.Add(-time.Hour)), at(52), exchange.Link{State: exchange.LinkConnecting, LastRenewal: noon.Add(-time.Hour), Expires: at(67)}},
	} {
		assert.Equal(t, step.want, h.See("dr1", step.lease, step.now), "step %d", i)
	}
}

func TestX5_ARenewalThatWentBackInTimeIsNone(t *testing.T) {
	at := func(seconds time.Duration) time.Time { return noon.Add(seconds * time.Second) }
	type step struct {
		lease *coordinationv1.Lease
		now   time.Time
		want  exchange.LinkState
	}
	for name, steps := range map[string][]step{
		"a hub from a backup shows an older lease until the mirror renews it": {
			{renewed("a", noon), at(0), exchange.LinkConnecting},
			{renewed("a", noon.Add(5*time.Second)), at(5), exchange.LinkLive},
			{renewed("a", noon.Add(-time.Hour)), at(6), exchange.LinkConnecting},
			{renewed("a", noon.Add(-time.Hour)), at(20), exchange.LinkConnecting},
			{renewed("a", noon.Add(-time.Hour)), at(21), exchange.LinkLost},
			{renewed("a", noon.Add(25*time.Second)), at(25), exchange.LinkLive},
		},
		"a clock that is set back costs one period": {
			{renewed("a", noon), at(0), exchange.LinkConnecting},
			{renewed("a", noon.Add(5*time.Second)), at(5), exchange.LinkLive},
			{renewed("a", noon.Add(-time.Minute)), at(10), exchange.LinkConnecting},
			{renewed("a", noon.Add(-time.Minute).Add(5*time.Second)), at(15), exchange.LinkLive},
		},
		"a lease of another object that is no newer tells nothing": {
			{renewed("a", noon), at(0), exchange.LinkConnecting},
			{renewed("a", noon.Add(5*time.Second)), at(5), exchange.LinkLive},
			{renewed("b", noon.Add(5*time.Second)), at(6), exchange.LinkConnecting},
			{renewed("b", noon.Add(10*time.Second)), at(10), exchange.LinkLive},
		},
		"a renewal that vanished went back too": {
			{renewed("a", noon), at(0), exchange.LinkConnecting},
			{renewed("a", noon.Add(5*time.Second)), at(5), exchange.LinkLive},
			{&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{UID: "a"}}, at(6), exchange.LinkConnecting},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := exchange.NewHeartbeats()
			for i, s := range steps {
				assert.Equal(t, s.want, h.See("dr1", s.lease, s.now).State, "step %d", i)
			}
		})
	}
}

func TestX5_ClustersDoNotShareHeartbeats(t *testing.T) {
	h := exchange.NewHeartbeats()
	h.See("dr1", renewed("a", noon), noon)
	assert.Equal(t, exchange.LinkConnecting, h.See("dr2", renewed("b", noon), noon).State)
	assert.Equal(t, exchange.LinkLive, h.See("dr1", renewed("a", noon.Add(5*time.Second)), noon).State)
	assert.Equal(t, exchange.LinkConnecting, h.See("dr2", renewed("b", noon), noon).State)
}

func TestALeaseWithoutARenewalIsNoneYet(t *testing.T) {
	h := exchange.NewHeartbeats()
	assert.Equal(t, exchange.Link{State: exchange.LinkConnecting, Expires: noon.Add(15 * time.Second)}, h.See("dr1", &coordinationv1.Lease{}, noon))
}

func TestTheAgeOfALinkIsNeverNegative(t *testing.T) {
	assert.Equal(t, time.Minute, exchange.Link{LastRenewal: noon}.Age(noon.Add(time.Minute)))
	assert.Zero(t, exchange.Link{LastRenewal: noon}.Age(noon.Add(-time.Minute)), "a spoke's clock is ahead")
	assert.Zero(t, exchange.Link{}.Age(noon))
}

func TestStatesOfALinkHaveNames(t *testing.T) {
	for state, want := range map[exchange.LinkState]string{
		exchange.LinkNever: "never connected", exchange.LinkConnecting: "connecting", exchange.LinkLive: "live", exchange.LinkLost: "lost",
	} {
		assert.Equal(t, want, state.String())
	}
}
