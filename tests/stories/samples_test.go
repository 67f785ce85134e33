// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/tests/apiserver"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

// samplePolicyInterval is the interval that examples of Ramen have.
const samplePolicyInterval = "5m"

// TestTheSamplesApplyAsTheyAre, by the client and by the server, again and again: it comes to rest.
func TestTheSamplesApplyAsTheyAre(t *testing.T) {
	calm(t)
	for how, flags := range map[string][]string{"client-side": nil, "server-side": {"--server-side"}} {
		t.Run(how, func(t *testing.T) {
			calm(t)
			s := apiserver.Start(t)
			s.Kubectl(t, "create", "namespace", lab.Namespace)
			apply := append([]string{"apply", "-k", "config/samples"}, flags...)
			spoke := append([]string{"apply", "-f", "config/samples/spoke.yaml"}, flags...)
			s.Kubectl(t, apply...)
			s.Kubectl(t, spoke...)
			// The status that a new DRPlacementControl gets by default is noted as the applier's, until it applies again.
			s.Kubectl(t, apply...)
			first := versions(t, s.Client)
			require.Len(t, first, 7, "2 DRClusters, 1 DRPolicy, 2 DRPlacementControls, 2 ConfigMaps")
			s.Kubectl(t, apply...)
			s.Kubectl(t, spoke...)
			s.Kubectl(t, append(apply, "--dry-run=server")...)
			assert.Equal(t, first, versions(t, s.Client))
			for _, name := range []string{ramenconfig.HubConfigMap, ramenconfig.SpokeConfigMap} {
				config, err := ramenconfig.Load(t.Context(), s.Client, lab.Namespace, name)
				require.NoError(t, err)
				assert.Empty(t, config.Unknown, "fields of %s", name)
				assert.Len(t, config.S3StoreProfiles, 2)
			}
		})
	}
}

// versions are the resourceVersions of what the samples make.
func versions(t *testing.T, c client.Client) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, list := range []client.ObjectList{&v1alpha1.DRClusterList{}, &v1alpha1.DRPolicyList{}, &v1alpha1.DRPlacementControlList{}} {
		require.NoError(t, c.List(t.Context(), list))
		note(t, out, list)
	}
	for _, name := range []string{ramenconfig.HubConfigMap, ramenconfig.SpokeConfigMap} {
		config := configMap(name)
		require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(config), config))
		out[name] = config.ResourceVersion
	}
	return out
}

func note(t *testing.T, out map[string]string, list client.ObjectList) {
	t.Helper()
	items, err := meta.ExtractList(list)
	require.NoError(t, err)
	for _, item := range items {
		o, err := meta.Accessor(item)
		require.NoError(t, err)
		out[fmt.Sprintf("%T %s", item, o.GetName())] = o.GetResourceVersion()
	}
}

const sampleClass = `
apiVersion: replication.storage.openshift.io/v1alpha1
kind: VolumeReplicationClass
metadata:
  name: lab-rep-5m
  labels:
    ramendr.openshift.io/storageid: lab-%s
    ramendr.openshift.io/replicationid: lab-rep-1
spec:
  provisioner: lab.csi.ramendr.io
  parameters:
    schedulingInterval: 5m
    replication.storage.openshift.io/replication-secret-name: lab-csi-plugin
    replication.storage.openshift.io/replication-secret-namespace: lab-csi
`

const samplePolicy = `
apiVersion: ramendr.openshift.io/v1alpha1
kind: DRPolicy
metadata:
  name: dr-policy
spec:
  drClusters:
  - dr1
  - dr2
  schedulingInterval: 5m
`

// shapes are manifests as they lie in repositories of people who used Ramen.
var shapes = map[string]string{
	"shape-null": `
apiVersion: ramendr.openshift.io/v1alpha1
kind: DRPlacementControl
metadata:
  name: shape-null
  namespace: shape-null
  labels:
    app: shape-null
spec:
  placementRef: null
  preferredCluster: dr1
  failoverCluster: dr2
  action: ""
  drPolicyRef:
    name: dr-policy
  pvcSelector:
    matchLabels:
      app: shape-null
`,
	"shape-absent": `
apiVersion: ramendr.openshift.io/v1alpha1
kind: DRPlacementControl
metadata:
  name: shape-absent
  namespace: shape-absent
spec:
  preferredCluster: dr1
  drPolicyRef:
    apiVersion: ramendr.openshift.io/v1alpha1
    kind: DRPolicy
    name: dr-policy
  pvcSelector:
    matchExpressions:
    - key: app
      operator: In
      values: [shape-absent]
`,
	"shape-full": `
apiVersion: ramendr.openshift.io/v1alpha1
kind: DRPlacementControl
metadata:
  name: shape-full
  namespace: shape-full
  annotations:
    drplacementcontrol.ramendr.openshift.io/app-namespace: shape-full
spec:
  preferredCluster: dr1
  drPolicyRef:
    name: dr-policy
  placementRef:
    apiVersion: cluster.open-cluster-management.io/v1beta1
    kind: Placement
    name: placement
  pvcSelector: {}
  retainNamespaceSCCAcrossPeers: true
  volSyncSpec: {disabled: true}
`,
}

// TestManifestsForRamenWork: they are applied as they are, to a policy with Ramen's usual interval, and moved by kubectl.
func TestManifestsForRamenWork(t *testing.T) {
	calm(t)
	l := shared.Lab(t)
	for _, spoke := range lab.Spokes() {
		_, err := labtest.Kubectl(t.Context(), l, spoke, fmt.Sprintf(sampleClass, spoke), "apply", "-f", "-")
		require.NoError(t, err)
	}
	applied(t, l, samplePolicy)
	t.Cleanup(func() {
		_, err := labtest.Kubectl(cleanupContext(t), l, lab.Hub, "", "delete", "drpolicy", "dr-policy", "--timeout=60s")
		assert.NoError(t, err, "nothing refers to the policy any more")
	})
	onHub(t, l, "wait", "drpolicy/dr-policy", "--for=condition=Validated", "--timeout=60s")
	var actors []*actor
	for name := range shapes {
		a := enter(t, l, name)
		actors = append(actors, a)
		onHub(t, l, "create", "namespace", name)
		applied(t, l, shapes[name])
	}
	for _, a := range actors {
		require.NoError(t, a.Begin(t.Context(), lab.DR1), a.App.Key())
		name := a.App.Key().Name
		assert.Contains(t, applied(t, l, shapes[name]), "unchanged", "what a tool that follows Git sees")
		onHub(t, l, "patch", "drpc", name, "-n", name, "--type=merge", `-p={"spec":{"action":"Relocate","preferredCluster":"dr2"}}`)
	}
	for _, a := range actors {
		name := a.App.Key().Name
		onHub(t, l, "wait", "drpc/"+name, "-n", name, "--for=jsonpath={.status.phase}=Relocated", "--timeout=60s")
		onHub(t, l, "wait", "drpc/"+name, "-n", name, "--for=condition=Ready", "--timeout=60s")
		require.NoError(t, a.GoesOn(t.Context(), lab.DR2), name)
	}
	onHub(t, l, "delete", "drpc", "-n", "shape-full", "shape-full", "--timeout=60s")
}
