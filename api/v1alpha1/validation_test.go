// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/tests/apiserver"
)

const drpc = `
apiVersion: ramendr.openshift.io/v1alpha1
kind: DRPlacementControl
metadata: {name: app, namespace: default}
spec:
  drPolicyRef: {name: policy}
  pvcSelector: {}
`

const policy = `
apiVersion: ramendr.openshift.io/v1alpha1
kind: DRPolicy
metadata: {name: policy}
spec:
  drClusters: [dr1, dr2]
  schedulingInterval: 5m
`

const cluster = `
apiVersion: ramendr.openshift.io/v1alpha1
kind: DRCluster
metadata: {name: dr1}
spec:
  s3ProfileName: s3
`

const vrg = `
apiVersion: ramendr.openshift.io/v1alpha1
kind: VolumeReplicationGroup
metadata: {name: app, namespace: default}
spec:
  pvcSelector: {}
  replicationState: primary
  s3Profiles: [s3]
`

const clusterConfig = `
apiVersion: ramendr.openshift.io/v1alpha1
kind: DRClusterConfig
metadata: {name: dr1}
spec: {}
`

const maintenance = `
apiVersion: ramendr.openshift.io/v1alpha1
kind: MaintenanceMode
metadata: {name: mode}
spec: {storageProvisioner: csi.example.com, targetID: id}
`

// TestValidation asks a real API server what it makes of what users write.
func TestValidation(t *testing.T) {
	server := apiserver.Start(t)
	t.Run("on creation", func(t *testing.T) { testCreation(t, server.Client) })
	t.Run("on change", func(t *testing.T) { testChange(t, server.Client) })
	t.Run("manifests written for Ramen", func(t *testing.T) { testManifests(t, server.Client) })
	t.Run("the samples are accepted", func(t *testing.T) {
		server.Kubectl(t, "apply", "-k", "config/hub")
		server.Kubectl(t, "apply", "-k", "config/samples")
		server.Kubectl(t, "apply", "-f", "config/samples/spoke.yaml")
	})
}

func testCreation(t *testing.T, c client.Client) {
	for name, tc := range map[string]struct {
		base  string
		patch string // JSON merge patch in YAML
		says  string // in the refusal; empty: accepted
	}{
		"a DRPC with nothing but what is needed": {base: drpc},
		"a DRPC with placementRef null":          {base: drpc, patch: "spec: {placementRef: null}"},
		"a DRPC with a placementRef of OCM":      {base: drpc, patch: "spec: {placementRef: {kind: Placement, name: app}}"},
		"a DRPC with an empty action":            {base: drpc, patch: `spec: {action: ""}`},
		"a DRPC with action null":                {base: drpc, patch: "spec: {action: null}"},
		"Failover":                               {base: drpc, patch: "spec: {action: Failover, failoverCluster: dr2}"},
		"Failover to the other cluster":          {base: drpc, patch: "spec: {action: Failover}"},
		"Relocate":                               {base: drpc, patch: "spec: {action: Relocate, preferredCluster: dr2}"},
		"a DRPC with dryRun false":               {base: drpc, patch: "spec: {dryRun: false}"},
		"an unknown action":                      {base: drpc, patch: "spec: {action: Teleport}", says: `Unsupported value: "Teleport"`},
		"an action in lower case":                {base: drpc, patch: "spec: {action: failover}", says: `Unsupported value: "failover"`},
		"Relocate to nowhere":                    {base: drpc, patch: "spec: {action: Relocate}", says: "spec.preferredCluster: Invalid value"},
		"Relocate to nowhere, with the remedy":   {base: drpc, patch: `spec: {action: Relocate, preferredCluster: ""}`, says: "action Relocate needs preferredCluster: set it"},
		"a test failover":                        {base: drpc, patch: "spec: {action: Failover, dryRun: true}", says: "dryRun (test failover) is not supported"},
		"a DRPC without a policy":                {base: drpc, patch: "spec: {drPolicyRef: null}", says: "spec.drPolicyRef: Required value"},
		"a DRPC whose policy has no name":        {base: drpc, patch: "spec: {drPolicyRef: {name: null, kind: DRPolicy}}", says: "drPolicyRef.name must name a DRPolicy"},
		"a DRPC whose policy has an empty name":  {base: drpc, patch: `spec: {drPolicyRef: {name: ""}}`, says: "drPolicyRef.name must name a DRPolicy"},
		"a DRPC without pvcSelector":             {base: drpc, patch: "spec: {pvcSelector: null}", says: "spec.pvcSelector: Required value"},
		"a mover without a PVC":                  {base: drpc, patch: "spec: {volSyncSpec: {moverConfig: [{pvcName: a}]}}", says: "pvcNamespace: Required value"},
		"two movers for one PVC":                 {base: drpc, patch: "spec: {volSyncSpec: {moverConfig: [{pvcName: a, pvcNamespace: b}, {pvcName: a, pvcNamespace: b}]}}", says: "Duplicate value"},

		"a DRPC with VolSync turned off":      {base: drpc, patch: "spec: {volSyncSpec: {disabled: true}}"},
		"a DRPC with addresses of VolSync":    {base: drpc, patch: "spec: {volSyncSpec: {rdSpec: [{protectedPVC: {name: a}}], rsSpec: [{rsyncTLS: {address: a}}]}}"},
		"a DRPC that carries SCC annotations": {base: drpc, patch: "spec: {retainNamespaceSCCAcrossPeers: true}"},
		"a DRPC of 63 characters":             {base: drpc, patch: "metadata: {name: " + strings.Repeat("a", 63) + "}"},
		"a DRPC of 64 characters":             {base: drpc, patch: "metadata: {name: " + strings.Repeat("a", 64) + "}", says: "the name of a DRPlacementControl becomes the value of label ramendr.openshift.io/owner-name on the volumes: at most 63 characters"},

		"a policy":                        {base: policy},
		"a policy of 65535 minutes":       {base: policy, patch: "spec: {schedulingInterval: 65535m}"},
		"a policy of 65536 minutes":       {base: policy, patch: "spec: {schedulingInterval: 65536m}", says: "schedulingInterval is at most 65535m, 65535h or 65535d: use a larger unit"},
		"a policy of fifteen digits":      {base: policy, patch: "spec: {schedulingInterval: 999999999999999d}", says: "schedulingInterval is at most 65535m"},
		"a policy with a network mapping": {base: policy, patch: "spec: {networkMappingRef: {name: map}}", says: "networkMappingRef (static IP addresses of virtual machines) is not supported: leave it out"},
		"a policy with an empty mapping":  {base: policy, patch: "spec: {networkMappingRef: {}}"},
		"a policy of a day":               {base: policy, patch: "spec: {schedulingInterval: 1d}"},
		"a policy of 90 minutes":          {base: policy, patch: "spec: {schedulingInterval: 90m}"},
		"a policy with selectors":         {base: policy, patch: "spec: {replicationClassSelector: {}, volumeSnapshotClassSelector: {matchLabels: {a: b}}}"},
		"an interval of an unknown unit":  {base: policy, patch: "spec: {schedulingInterval: 5x}", says: "schedulingInterval must be a positive number followed by m, h or d, such as 5m"},
		"an empty interval":               {base: policy, patch: `spec: {schedulingInterval: ""}`, says: "schedulingInterval must be a positive number"},
		"no interval":                     {base: policy, patch: "spec: {schedulingInterval: null}", says: "spec.schedulingInterval: Required value"},
		"an interval of zero":             {base: policy, patch: "spec: {schedulingInterval: 0m}", says: "schedulingInterval must be a positive number"},
		"an interval of zeros":            {base: policy, patch: "spec: {schedulingInterval: 00h}", says: "schedulingInterval must be a positive number"},
		"a negative interval":             {base: policy, patch: "spec: {schedulingInterval: -5m}", says: "schedulingInterval must be a positive number"},
		"an interval with a space":        {base: policy, patch: `spec: {schedulingInterval: "5 m"}`, says: "schedulingInterval must be a positive number"},
		"an interval without unit":        {base: policy, patch: `spec: {schedulingInterval: "5"}`, says: "schedulingInterval must be a positive number"},
		"an interval beyond any use":      {base: policy, patch: "spec: {schedulingInterval: 1234567890123456m}", says: "spec.schedulingInterval: Too long"},
		"a policy over one cluster":       {base: policy, patch: "spec: {drClusters: [dr1]}", says: "drClusters must name exactly two DRClusters"},
		"a policy over none":              {base: policy, patch: "spec: {drClusters: []}", says: "drClusters must name exactly two DRClusters"},
		"a policy over three":             {base: policy, patch: "spec: {drClusters: [dr1, dr2, dr3]}", says: "drClusters must name exactly two DRClusters"},
		"a policy over one cluster twice": {base: policy, patch: "spec: {drClusters: [dr1, dr1]}", says: "drClusters must name two different DRClusters"},
		"a policy without clusters":       {base: policy, patch: "spec: {drClusters: null}", says: "spec.drClusters: Required value"},

		"a cluster":                          {base: cluster},
		"a cluster with a region and cidrs":  {base: cluster, patch: "spec: {region: east, cidrs: [10.0.0.0/8]}"},
		"a cluster with an empty fence":      {base: cluster, patch: `spec: {clusterFence: ""}`},
		"a name of 56 characters":            {base: cluster, patch: "metadata: {name: " + strings.Repeat("a", 56) + "}"},
		"a name of 57 characters":            {base: cluster, patch: "metadata: {name: " + strings.Repeat("a", 57) + "}", says: "at most 56 lower-case letters, digits and dashes"},
		"a name with a dot":                  {base: cluster, patch: "metadata: {name: dr1.example}", says: "at most 56 lower-case letters, digits and dashes"},
		"a cluster that is not fenced":       {base: cluster, patch: "spec: {clusterFence: Unfenced}"},
		"a cluster unfenced by hand":         {base: cluster, patch: "spec: {clusterFence: ManuallyUnfenced}"},
		"a fence":                            {base: cluster, patch: "spec: {clusterFence: Fenced}", says: "clusterFence belongs to synchronous DR: fencing is not supported. Leave it out, or set Unfenced"},
		"a fence by hand":                    {base: cluster, patch: "spec: {clusterFence: ManuallyFenced}", says: "clusterFence belongs to synchronous DR"},
		"a cluster without an S3 profile":    {base: cluster, patch: "spec: {s3ProfileName: null}", says: "spec.s3ProfileName: Required value"},
		"a cluster with an empty S3 profile": {base: cluster, patch: `spec: {s3ProfileName: ""}`, says: "spec.s3ProfileName"},

		"a group":                          {base: vrg},
		"a group of synchronous DR":        {base: vrg, patch: "spec: {sync: {peerClasses: [{storageClassName: a}]}}", says: "sync belongs to synchronous DR and is not supported: leave it out"},
		"a group of synchronous DR, empty": {base: vrg, patch: "spec: {sync: {}}", says: "sync belongs to synchronous DR"},
		"a group with static addresses":    {base: vrg, patch: "spec: {staticIPTranslationSpec: {ipTranslations: []}}", says: "staticIPTranslationSpec (static IP addresses of virtual machines) is not supported"},
		"a group of a test failover":       {base: vrg, patch: "spec: {dryRun: true}", says: "dryRun (test failover) is not supported: leave it out"},
		"a group with an empty action":     {base: vrg, patch: `spec: {action: "", async: {schedulingInterval: 1m}}`},
		"a group with an unknown role":     {base: vrg, patch: "spec: {replicationState: Primary}", says: `Unsupported value: "Primary"`},
		"a group with an unknown action":   {base: vrg, patch: "spec: {action: Teleport}", says: `Unsupported value: "Teleport"`},
		"a group with a broken interval":   {base: vrg, patch: `spec: {async: {schedulingInterval: ""}}`, says: "spec.async.schedulingInterval"},
		"a group without S3 profiles":      {base: vrg, patch: "spec: {s3Profiles: null}", says: "spec.s3Profiles: Required value"},
		"a cluster's configuration":        {base: clusterConfig},
		"an interval that is listed twice": {base: clusterConfig, patch: "spec: {replicationSchedules: [1m, 1m]}", says: "Duplicate value"},
		"a maintenance mode":               {base: maintenance},
		"a maintenance mode of nobody":     {base: maintenance, patch: "spec: {storageProvisioner: null}", says: "spec.storageProvisioner: Required value"},
	} {
		t.Run(name, func(t *testing.T) {
			obj := object(t, tc.base, tc.patch)
			err := c.Create(t.Context(), obj)
			if tc.says == "" {
				require.NoError(t, err)
				require.NoError(t, c.Delete(t.Context(), obj))
				return
			}
			require.Error(t, err)
			assert.True(t, apierrors.IsInvalid(err), "%v", err)
			assert.ErrorContains(t, err, tc.says)
		})
	}
}

func testChange(t *testing.T, c client.Client) {
	for name, tc := range map[string]struct {
		base   string
		before string
		change string
		says   string // in the refusal; empty: accepted
	}{
		"an action comes":                     {base: drpc, change: "spec: {action: Failover, failoverCluster: dr2}"},
		"an action goes":                      {base: drpc, before: "spec: {action: Failover}", change: "spec: {action: null}"},
		"an action is emptied":                {base: drpc, before: "spec: {action: Failover}", change: `spec: {action: ""}`},
		"the placementRef goes":               {base: drpc, before: "spec: {placementRef: {kind: Placement, name: app}}", change: "spec: {placementRef: null}"},
		"a DRPC takes another policy":         {base: drpc, change: "spec: {drPolicyRef: {name: other}}", says: "drPolicyRef is immutable"},
		"a DRPC says the kind of its policy":  {base: drpc, change: "spec: {drPolicyRef: {apiVersion: ramendr.openshift.io/v1alpha1, kind: DRPolicy}}"},
		"a DRPC selects all in other words":   {base: drpc, change: "spec: {pvcSelector: {matchLabels: {}, matchExpressions: []}}"},
		"a DRPC stops selecting":              {base: drpc, before: "spec: {pvcSelector: {matchLabels: {a: b}}}", change: "spec: {pvcSelector: {matchLabels: null}}", says: "pvcSelector is immutable"},
		"a DRPC selects other PVCs":           {base: drpc, change: "spec: {pvcSelector: {matchLabels: {a: b}}}", says: "pvcSelector is immutable"},
		"a policy takes another interval":     {base: policy, change: "spec: {schedulingInterval: 10m}", says: "schedulingInterval is immutable: make a new DRPolicy"},
		"a policy takes another cluster":      {base: policy, change: "spec: {drClusters: [dr1, dr3]}", says: "drClusters is immutable: make a new DRPolicy"},
		"a policy turns its clusters around":  {base: policy, change: "spec: {drClusters: [dr2, dr1]}", says: "drClusters is immutable"},
		"a policy gets a selector of all":     {base: policy, change: "spec: {replicationClassSelector: {}, volumeSnapshotClassSelector: {}}"},
		"a policy gets an empty selector":     {base: policy, change: "spec: {replicationClassSelector: {matchLabels: {}, matchExpressions: []}}"},
		"a policy gets a selector":            {base: policy, change: "spec: {replicationClassSelector: {matchLabels: {a: b}}}", says: "replicationClassSelector is immutable: make a new DRPolicy"},
		"a policy gets a snapshot selector":   {base: policy, change: "spec: {volumeSnapshotClassSelector: {matchExpressions: [{key: a, operator: Exists}]}}", says: "volumeSnapshotClassSelector is immutable"},
		"a policy empties its selector":       {base: policy, before: "spec: {replicationClassSelector: {matchLabels: {a: b}}}", change: "spec: {replicationClassSelector: {matchLabels: null}}", says: "replicationClassSelector is immutable"},
		"a policy keeps its selector":         {base: policy, before: "spec: {replicationClassSelector: {matchLabels: {a: b}}}", change: "spec: {replicationClassSelector: {matchLabels: {a: b}}, volumeGroupSnapshotClassSelector: {}}"},
		"a policy changes a selector":         {base: policy, before: "spec: {replicationClassSelector: {}}", change: "spec: {replicationClassSelector: {matchLabels: {a: b}}}", says: "replicationClassSelector is immutable"},
		"a policy loses a selector of all":    {base: policy, before: "spec: {volumeSnapshotClassSelector: {}}", change: "spec: {volumeSnapshotClassSelector: null}"},
		"a policy loses a selector":           {base: policy, before: "spec: {volumeSnapshotClassSelector: {matchLabels: {a: b}}}", change: "spec: {volumeSnapshotClassSelector: null}", says: "volumeSnapshotClassSelector is immutable"},
		"a policy changes its group selector": {base: policy, change: "spec: {volumeGroupSnapshotClassSelector: {matchLabels: {a: b}}}"},
		"a cluster takes another profile":     {base: cluster, change: "spec: {s3ProfileName: other}", says: "s3ProfileName is immutable"},
		"a cluster gets a region":             {base: cluster, change: "spec: {region: east}", says: "region is immutable"},
		"a cluster moves":                     {base: cluster, before: "spec: {region: east}", change: "spec: {region: west}", says: "region is immutable"},
		"a cluster changes its cidrs":         {base: cluster, change: "spec: {cidrs: [10.0.0.0/8]}"},
		"a cluster takes another id":          {base: clusterConfig, before: "spec: {clusterID: a}", change: "spec: {clusterID: b}", says: "clusterID is immutable"},
		"a group changes its role":            {base: vrg, change: "spec: {replicationState: secondary, action: Relocate}"},
	} {
		t.Run(name, func(t *testing.T) {
			obj := object(t, tc.base, tc.before)
			require.NoError(t, c.Create(t.Context(), obj))
			defer func() { assert.NoError(t, c.Delete(t.Context(), obj)) }()
			change, err := yaml.YAMLToJSON([]byte(tc.change))
			require.NoError(t, err)
			err = c.Patch(t.Context(), obj.DeepCopy(), client.RawPatch(types.MergePatchType, change))
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.True(t, apierrors.IsInvalid(err), "%v", err)
			assert.ErrorContains(t, err, tc.says)
		})
	}
}

// object is base with patch merged into it. A null in the patch stays: it is what the user wrote.
func object(t *testing.T, base, patch string) *unstructured.Unstructured {
	t.Helper()
	obj, change := map[string]any{}, map[string]any{}
	require.NoError(t, yaml.Unmarshal([]byte(base), &obj))
	require.NoError(t, yaml.Unmarshal([]byte(patch), &change))
	merge(obj, change)
	return &unstructured.Unstructured{Object: obj}
}

func merge(into, change map[string]any) {
	for k, v := range change {
		was, wasMap := into[k].(map[string]any)
		is, isMap := v.(map[string]any)
		if wasMap && isMap {
			merge(was, is)
			continue
		}
		into[k] = v
	}
}
