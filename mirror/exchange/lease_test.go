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
	// The mirror's clock is ten minutes ahead, and then jumps back: neither matters.
	ahead := noon.Add(10 * time.Minute)
	h := exchange.NewHeartbeats()
	at := func(seconds time.Duration) time.Time { return noon.Add(seconds * time.Second) }
	for i, step := range []struct {
		lease *coordinationv1.Lease
		now   time.Time
		want  exchange.Link
	}{
		{nil, at(0), exchange.Link{State: exchange.LinkNever}},
		{renewed("a", ahead), at(1), exchange.Link{State: exchange.LinkConnecting, LastRenewal: ahead}},
		{renewed("a", ahead), at(14), exchange.Link{State: exchange.LinkConnecting, LastRenewal: ahead}},
		{renewed("a", ahead), at(16), exchange.Link{State: exchange.LinkLost, LastRenewal: ahead}},
		{renewed("a", ahead.Add(5*time.Second)), at(17), exchange.Link{State: exchange.LinkLive, LastRenewal: at(17)}},
		{renewed("a", ahead.Add(5*time.Second)), at(31), exchange.Link{State: exchange.LinkLive, LastRenewal: at(17)}},
		{renewed("a", ahead.Add(5*time.Second)), at(32), exchange.Link{State: exchange.LinkLost, LastRenewal: at(17)}},
		{renewed("a", noon.Add(-time.Hour)), at(40), exchange.Link{State: exchange.LinkLive, LastRenewal: at(40)}},
		{renewed("b", noon.Add(-time.Hour)), at(50), exchange.Link{State: exchange.LinkLive, LastRenewal: at(50)}},
		{nil, at(51), exchange.Link{State: exchange.LinkNever}},
		{renewed("b", noon.Add(-time.Hour)), at(52), exchange.Link{State: exchange.LinkConnecting, LastRenewal: noon.Add(-time.Hour)}},
	} {
		assert.Equal(t, step.want, h.See("dr1", step.lease, step.now), "step %d", i)
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
	assert.Equal(t, exchange.Link{State: exchange.LinkConnecting}, h.See("dr1", &coordinationv1.Lease{}, noon))
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
