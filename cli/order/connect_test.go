// SPDX-License-Identifier: Apache-2.0

package order_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/view"
)

// known is a hub that knows dr1, as cluster one, and dr2, as cluster two.
func known(change ...func(*order.Site)) *order.Site {
	s := &order.Site{Name: "dr1", Namespace: "ramen-system", Profiles: []string{"s3-a", "s3-b"}, Server: "https://hub:6443"}
	for name, identity := range map[string]string{"dr1": "one", "dr2": "two"} {
		s.Known = append(s.Known, v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.DRClusterSpec{S3ProfileName: "s3-a", Region: "east"}, Status: v1alpha1.DRClusterStatus{ClusterID: identity}})
	}
	for _, c := range change {
		c(s)
	}
	return s
}

func dr1(s *order.Site) *v1alpha1.DRCluster { return s.DRCluster() }

func unknown(s *order.Site) { s.Known = nil }

func looked(identity string) func(*order.Site) {
	return func(s *order.Site) { s.Looked, s.Installed, s.Mirror, s.Identity = true, true, true, identity }
}

// push is a hub with a mirror, which is to reach the cluster.
func push(s *order.Site) { s.Push, s.PushMirror, s.Account, s.Mirror = true, true, true, false }

func TestConnectSaysWhatSpeaksAgainstIt(t *testing.T) {
	for name, tc := range map[string]struct {
		site            *order.Site
		profile, region string
		guard           view.Guard
		says            string
	}{
		"a new cluster":                         {known(unknown), "s3-b", "west", "", ""},
		"one that is connected already":         {known(looked("one")), "", "", "", ""},
		"the same words again":                  {known(), "s3-a", "east", "", ""},
		"a profile that there is not":           {known(unknown), "s3-c", "", view.GuardProfile, "no S3 profile s3-c: it has s3-a, s3-b"},
		"any profile, if they can't be read":    {known(unknown, func(s *order.Site) { s.Profiles = nil }), "s3-c", "", "", ""},
		"another profile than it has":           {known(), "s3-b", "", view.GuardProfile, "has S3 profile s3-a, which can't be changed"},
		"another region than it has":            {known(), "", "west", view.GuardProfile, `has region "east", which can't be changed`},
		"another cluster than the recorded one": {known(looked("three")), "", "", view.GuardIdentity, "kubectl annotate drcluster dr1 ramendr.openshift.io/accept-cluster=three --overwrite"},
		"another one, which the hub was told of": {known(looked("three"), func(s *order.Site) {
			dr1(s).Annotations = map[string]string{"ramendr.openshift.io/accept-cluster": "three"}
		}), "", "", "", ""},
		"a cluster with another name":             {known(looked("two"), func(s *order.Site) { dr1(s).Status.ClusterID = "" }), "", "", view.GuardIdentity, "is connected as dr2 already"},
		"a cluster without the namespace":         {known(looked("one"), func(s *order.Site) { s.Installed = false }), "", "", view.GuardInstalled, "namespace ramen-system does not exist"},
		"in push mode":                            {known(looked("one"), push), "", "", "", ""},
		"in push mode, which is so already":       {known(looked("one"), push, func(s *order.Site) { s.Pushes = true }), "", "", "", ""},
		"a cluster that nobody can push to":       {known(looked("one"), push, func(s *order.Site) { s.Account = false }), "", "", view.GuardInstalled, "apply install-spoke-push.yaml there first"},
		"push mode beside a mirror there":         {known(looked("one"), push, func(s *order.Site) { s.Mirror = true }), "", "", view.GuardMode, "the mirror on the cluster keeps the link"},
		"push mode beside a way to the hub":       {known(looked("one"), push, func(s *order.Site) { s.Pulls = true }), "", "", view.GuardMode, "the mirror on the cluster keeps the link"},
		"pull mode beside one on the hub":         {known(looked("one"), func(s *order.Site) { s.Pushes = true }), "", "", view.GuardMode, "kubectl -n ramen-system delete secret mirror-dr1"},
		"a cluster whose DRCluster is going away": {known(func(s *order.Site) { dr1(s).DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }), "", "", view.GuardInUse, "is being deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := order.Connect(tc.site, tc.profile, tc.region)
			require.NoError(t, err)
			if tc.guard == "" {
				assert.Empty(t, c.Refusals)
				return
			}
			require.NotEmpty(t, c.Refusals)
			assert.Equal(t, tc.guard, c.Refusals[0].Guard)
			assert.Contains(t, c.Refusals[0].Message, tc.says)
		})
	}
	_, err := order.Connect(known(unknown), "", "")
	assert.ErrorContains(t, err, "name the S3 profile that it is to have with --s3-profile: it has s3-a, s3-b")
	c, err := order.Connect(known(unknown, func(s *order.Site) { s.Loopback, s.Server = true, "https://127.0.0.1:6443" }), "s3-b", "")
	require.NoError(t, err)
	assert.Contains(t, c.Warnings[0], "with --server")
	assert.Equal(t, "apiVersion: ramendr.openshift.io/v1alpha1\nkind: DRCluster\nmetadata:\n  name: dr1\nspec:\n  s3ProfileName: s3-b\n", c.Manifest)
	c, err = order.Connect(known(looked("one"), func(s *order.Site) { s.Mirror = false }), "", "")
	require.NoError(t, err)
	assert.Contains(t, c.Warnings[0], "there is no Deployment mirror in")
	c, err = order.Connect(known(looked("one"), push, func(s *order.Site) { s.PushMirror, s.Loopback = false, true }), "", "")
	require.NoError(t, err)
	assert.Contains(t, c.Warnings[0], "there is no Deployment mirror-push in namespace ramen-system of the hub")
	assert.Contains(t, c.Warnings[1], "name the one by which the hub does with --server")
}

func TestDisconnectSaysWhoNeedsTheCluster(t *testing.T) {
	inUse := func(s *order.Site) {
		s.Policies, s.Applications, s.Wishes = []string{"5m", "1h"}, []string{"bank/ledger", "shop/orders"}, []string{"shop.old"}
	}
	guards := func(c *view.Connection) (out []view.Guard) {
		for _, r := range c.Refusals {
			out = append(out, r.Guard)
		}
		return out
	}
	c := order.Disconnect(known(inUse), false, false)
	assert.Equal(t, []view.Guard{view.GuardInUse, view.GuardInUse}, guards(c))
	assert.Contains(t, c.Refusals[0].Message, "bank/ledger, shop/orders")
	assert.Contains(t, c.Refusals[1].Message, "kubectl delete drpolicy 5m 1h")
	assert.Equal(t, []string{"bank/ledger", "shop/orders"}, c.Applications)

	c = order.Disconnect(known(inUse, func(s *order.Site) { s.Policies, s.Applications = nil, nil }), false, false)
	assert.Contains(t, c.Refusals[0].Message, "shop.old")

	c = order.Disconnect(known(inUse), true, false)
	assert.Empty(t, c.Refusals, "only the access goes")
	assert.Contains(t, c.Warnings[0], "2 applications stay as they are")

	assert.Equal(t, []view.Guard{view.GuardIdentity}, guards(order.Disconnect(known(looked("two")), true, false)), "the mirror of another cluster would lose its Secret")

	pushes := func(s *order.Site) { s.Pushes = true }
	assert.Contains(t, order.Disconnect(known(pushes), true, false).Warnings[0], "the cluster accepts the token that the mirror had until it expires")
	assert.Empty(t, order.Disconnect(known(pushes, looked("one")), true, false).Warnings)

	inGit := func(s *order.Site) { dr1(s).Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "dr"} }
	assert.Equal(t, []view.Guard{view.GuardGit}, guards(order.Disconnect(known(inGit), false, false)))
	c = order.Disconnect(known(inGit), false, true)
	assert.Empty(t, c.Refusals)
	assert.Contains(t, c.Warnings[0], "Flux takes DRCluster dr1 from a Git repository, and may create it again")

	assert.Empty(t, order.Disconnect(known(unknown), false, false).Refusals)
}
