// SPDX-License-Identifier: Apache-2.0

package portable_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/spokectrl/objects/portable"
)

// read is an object as a client reads it.
func read(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	fields, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	u := &unstructured.Unstructured{}
	require.NoError(t, u.UnmarshalJSON(fields))
	return u
}

const meta = "uid: a, resourceVersion: '7', generation: 3, creationTimestamp: '2026-01-01T00:00:00Z', selfLink: /x, generateName: w-, finalizers: [a.b/c], labels: {a: b}, annotations: {c: d}"

func TestOnlyWhatBelongsToTheApplicationIsCaptured(t *testing.T) {
	for name, tc := range map[string]struct{ read, want string }{
		"metadata": {
			"{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: ns, " + meta + "}, data: {x: y}}",
			"{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: ns, finalizers: [a.b/c], labels: {a: b}, annotations: {c: d}}, data: {x: y}}",
		},
		"status of a custom resource": {
			"{apiVersion: example.com/v1, kind: Widget, metadata: {name: a, namespace: ns}, spec: {size: 3}, status: {ready: true}}",
			"{apiVersion: example.com/v1, kind: Widget, metadata: {name: a, namespace: ns}, spec: {size: 3}}",
		},
		"the addresses and ports that a Service was given": {
			"{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: LoadBalancer, clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], ipFamilies: [IPv4], healthCheckNodePort: 31000, ports: [{port: 80, nodePort: 30001}]}}",
			"{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: LoadBalancer, ipFamilies: [IPv4], ports: [{port: 80}]}}",
		},
		"no address of a headless Service": {
			"{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: None, clusterIPs: [None]}}",
			"{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: None, clusterIPs: [None]}}",
		},
		"a node port that a client set, of two": {
			`{apiVersion: v1, kind: Service, metadata: {name: a, managedFields: [{manager: kubectl, operation: Apply, fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:healthCheckNodePort": {}, "f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:nodePort": {}}, 'k:{"port":81,"protocol":"TCP"}': {".": {}}}}}}]}, spec: {healthCheckNodePort: 31000, ports: [{port: 80, protocol: TCP, nodePort: 30001}, {port: 81, protocol: TCP, nodePort: 30002}, {port: 80, protocol: UDP, nodePort: 30003}]}}`,
			"{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {healthCheckNodePort: 31000, ports: [{port: 80, protocol: TCP, nodePort: 30001}, {port: 81, protocol: TCP}, {port: 80, protocol: UDP}]}}",
		},
		"a node port in what kubectl applied": {
			`{apiVersion: v1, kind: Service, metadata: {name: a, annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"spec":{"ports":[{"port":80,"nodePort":30001}]}}'}}, spec: {ports: [{port: 80, nodePort: 30001}, {port: 81, nodePort: 30002}]}}`,
			`{apiVersion: v1, kind: Service, metadata: {name: a, annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"spec":{"ports":[{"port":80,"nodePort":30001}]}}'}}, spec: {ports: [{port: 80, nodePort: 30001}, {port: 81}]}}`,
		},
		"where a Pod ran, and its injected token": {
			"{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {nodeName: node, priority: 0, preemptionPolicy: x, volumes: [{name: data}, {name: kube-api-access-x1y2z}], containers: [{name: c, volumeMounts: [{name: kube-api-access-x1y2z}]}], initContainers: [{name: i, volumeMounts: [{name: data}, {name: kube-api-access-x1y2z}]}]}}",
			"{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {volumes: [{name: data}], containers: [{name: c}], initContainers: [{name: i, volumeMounts: [{name: data}]}]}}",
		},
		"Secrets that were made for a ServiceAccount": {
			"{apiVersion: v1, kind: ServiceAccount, metadata: {name: app}, secrets: [{name: app-token-x}], imagePullSecrets: [{name: mine}, {name: app-dockercfg-abcde}]}",
			"{apiVersion: v1, kind: ServiceAccount, metadata: {name: app}, imagePullSecrets: [{name: mine}]}",
		},
		"the token in a Secret that a user made": {
			"{apiVersion: v1, kind: Secret, metadata: {name: mine, annotations: {kubernetes.io/service-account.name: app, kubernetes.io/service-account.uid: u}}, type: kubernetes.io/service-account-token, data: {token: eA==, ca.crt: eA==, namespace: eA==, extra: eA==}}",
			"{apiVersion: v1, kind: Secret, metadata: {name: mine, annotations: {kubernetes.io/service-account.name: app}}, type: kubernetes.io/service-account-token, data: {extra: eA==}}",
		},
		"the selector of a Job": {
			"{apiVersion: batch/v1, kind: Job, metadata: {name: a, labels: {controller-uid: u, batch.kubernetes.io/controller-uid: u}}, spec: {selector: {matchLabels: {x: u}}, template: {metadata: {labels: {controller-uid: u, keep: me}}}}}",
			"{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {template: {metadata: {labels: {keep: me}}}}}",
		},
		"no selector that a user wrote": {
			"{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {manualSelector: true, selector: {matchLabels: {x: y}}}}",
			"{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {manualSelector: true, selector: {matchLabels: {x: y}}}}",
		},
		"the status of a claim of a StatefulSet": {
			"{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {volumeClaimTemplates: [{metadata: {name: d}, status: {phase: Pending}}]}}",
			"{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {volumeClaimTemplates: [{metadata: {name: d}}]}}",
		},
		"the revision of a Deployment, and what says that it was restored": {
			"{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, annotations: {deployment.kubernetes.io/revision: '3', objects.ramendr.openshift.io/restored: x}}, spec: {replicas: 2}}",
			"{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 2}}",
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := read(t, tc.read)
			before := u.DeepCopy()
			it := portable.Sanitize("things", u)
			assert.Equal(t, before, u, "what was read stays as it is")
			assert.Equal(t, read(t, tc.want).Object, it.Object)
			assert.Equal(t, u.Object["status"], it.Status)

			line, err := it.Line()
			require.NoError(t, err)
			again, err := portable.Parse(line)
			require.NoError(t, err)
			assert.Equal(t, it, again)

			assert.True(t, portable.Equal(again, u), "a restore over itself changes nothing")
			other := u.DeepCopy()
			other.SetAnnotations(map[string]string{"other": "value"})
			assert.False(t, portable.Equal(again, other))
		})
	}
}

func TestOfANamespaceOnlyLabelsAndAnnotationsAreCaptured(t *testing.T) {
	it := portable.Namespace(read(t, "{apiVersion: v1, kind: Namespace, metadata: {name: ns, uid: u, labels: {kubernetes.io/metadata.name: nss, a: b}, annotations: {c: d}}, spec: {finalizers: [kubernetes]}, status: {phase: Active}}"))
	assert.Equal(t, read(t, "{apiVersion: v1, kind: Namespace, metadata: {name: ns, labels: {a: b}, annotations: {c: d}}}").Object, it.Object)
}

func TestOwnersAreKnownByName(t *testing.T) {
	it := portable.Sanitize("widgets", read(t, "{apiVersion: example.com/v1, kind: Widget, metadata: {name: a, ownerReferences: [{apiVersion: example.com/v1, kind: Set, name: s, uid: u, controller: true, blockOwnerDeletion: true}]}}"))
	assert.Equal(t, []portable.Owner{{APIVersion: "example.com/v1", Kind: "Set", Name: "s", Controller: true, Blocks: true}}, it.Owners)
	assert.Nil(t, it.Unstructured().GetOwnerReferences())
}

func TestWhatIsLeftOut(t *testing.T) {
	controlled := func(kind, group string) string {
		return "ownerReferences: [{apiVersion: " + group + ", kind: " + kind + ", name: o, uid: u, controller: true}]"
	}
	for name, tc := range map[string]struct {
		read string
		want portable.Left
	}{
		"a ConfigMap":                        {"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}", portable.Captured},
		"what is being deleted":              {"{apiVersion: v1, kind: ConfigMap, metadata: {name: a, deletionTimestamp: '2026-01-01T00:00:00Z'}}", portable.Leaving},
		"what Ramen makes":                   {"{apiVersion: v1, kind: Secret, metadata: {name: a, labels: {ramendr.openshift.io/created-by-ramen: 'true'}}}", portable.Excluded},
		"what a user excludes":               {"{apiVersion: v1, kind: Secret, metadata: {name: a, labels: {velero.io/exclude-from-backup: 'true'}}}", portable.Excluded},
		"what a user does not exclude":       {"{apiVersion: v1, kind: Secret, metadata: {name: a, labels: {velero.io/exclude-from-backup: 'false'}}}", portable.Captured},
		"a Pod of a ReplicaSet":              {"{apiVersion: v1, kind: Pod, metadata: {name: a, " + controlled("ReplicaSet", "apps/v1") + "}}", portable.Made},
		"a Pod of a Node":                    {"{apiVersion: v1, kind: Pod, metadata: {name: a, " + controlled("Node", "v1") + "}}", portable.Made},
		"a Secret of a Deployment":           {"{apiVersion: v1, kind: Secret, metadata: {name: a, " + controlled("Deployment", "apps/v1") + "}}", portable.Captured},
		"a ConfigMap of a Job":               {"{apiVersion: v1, kind: ConfigMap, metadata: {name: a, " + controlled("Job", "batch/v1") + "}}", portable.Captured},
		"a Deployment of a ConfigMap":        {"{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, " + controlled("ConfigMap", "v1") + "}}", portable.Captured},
		"a custom object of a Service":       {"{apiVersion: example.com/v1, kind: Pod, metadata: {name: a, " + controlled("ReplicaSet", "apps/v1") + "}}", portable.Captured},
		"a Pod of a Deployment":              {"{apiVersion: v1, kind: Pod, metadata: {name: a, " + controlled("Deployment", "apps/v1") + "}}", portable.Captured},
		"a ReplicaSet of a Deployment":       {"{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, " + controlled("Deployment", "apps/v1") + "}}", portable.Made},
		"a device that a Pod claims":         {"{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, metadata: {name: a, " + controlled("Pod", "v1") + "}}", portable.Made},
		"a Job of a CronJob":                 {"{apiVersion: batch/v1, kind: Job, metadata: {name: a, " + controlled("CronJob", "batch/v1") + "}}", portable.Made},
		"a StatefulSet of an operator":       {"{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, " + controlled("Database", "example.com/v1") + "}}", portable.Controlled},
		"a Secret of one with a common name": {"{apiVersion: v1, kind: Secret, metadata: {name: a, " + controlled("X", "a.b.k8s.io.example.com/v1") + "}}", portable.Controlled},
		"a Pod that nobody controls":         {"{apiVersion: v1, kind: Pod, metadata: {name: a}}", portable.Captured},
		"a Pod that has ended":               {"{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {phase: Succeeded}}", portable.Finished},
		"a mirror of a static Pod":           {"{apiVersion: v1, kind: Pod, metadata: {name: a, annotations: {kubernetes.io/config.mirror: x}}}", portable.Made},
		"a Job that runs":                    {"{apiVersion: batch/v1, kind: Job, metadata: {name: a}, status: {conditions: [{type: Suspended, status: 'True'}]}}", portable.Captured},
		"a Job that has failed":              {"{apiVersion: batch/v1, kind: Job, metadata: {name: a}, status: {conditions: [{type: Failed, status: 'True'}]}}", portable.Finished},
		"the certificates of a cluster":      {"{apiVersion: v1, kind: ConfigMap, metadata: {name: kube-root-ca.crt}}", portable.Made},
		"the Service of the API server":      {"{apiVersion: v1, kind: Service, metadata: {name: kubernetes, namespace: default}}", portable.Made},
		"a Service of that name elsewhere":   {"{apiVersion: v1, kind: Service, metadata: {name: kubernetes, namespace: ns}}", portable.Captured},
		"an untouched ServiceAccount":        {"{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}, secrets: [{name: x}], imagePullSecrets: [{name: default-dockercfg-abcde}]}", portable.Made},
		"one that pulls images":              {"{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}, imagePullSecrets: [{name: mine}]}", portable.Captured},
		"one that has labels":                {"{apiVersion: v1, kind: ServiceAccount, metadata: {name: default, labels: {a: b}}}", portable.Captured},
		"a token that was made":              {"{apiVersion: v1, kind: Secret, metadata: {name: app-token-x1y2z, annotations: {kubernetes.io/service-account.name: app}}, type: kubernetes.io/service-account-token}", portable.Made},
		"a token that a user made":           {"{apiVersion: v1, kind: Secret, metadata: {name: my-token, annotations: {kubernetes.io/service-account.name: app}}, type: kubernetes.io/service-account-token}", portable.Captured},
	} {
		assert.Equal(t, tc.want, portable.Judge(read(t, tc.read), false), name)
	}
	operator := read(t, "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, "+controlled("Database", "example.com/v1")+"}}")
	assert.Equal(t, portable.Captured, portable.Judge(operator, true), "a Recipe names the type")
	pod := read(t, "{apiVersion: v1, kind: Pod, metadata: {name: a, "+controlled("StatefulSet", "apps/v1")+"}}")
	assert.Equal(t, portable.Made, portable.Judge(pod, true), "which does not have it made twice")
}

func TestTypesThatAreNeverCaptured(t *testing.T) {
	for text, never := range map[string]bool{
		"persistentvolumeclaims": true, "persistentvolumes": true, "events": true, "events.events.k8s.io": true, "endpoints": true,
		"endpointslices.discovery.k8s.io": true, "leases.coordination.k8s.io": true, "volumereplications.replication.storage.openshift.io": true,
		"replicationsources.volsync.backube": true, "volumesnapshots.snapshot.storage.k8s.io": true, "backups.velero.io": true,
		"volumereplicationgroups.ramendr.openshift.io": true, "drplacementcontrols.ramendr.openshift.io": true, "namespaces": true,
		"configmaps": false, "pods": false, "recipes.ramendr.openshift.io": false, "widgets.example.com": false, "leases.example.com": false,
	} {
		assert.Equal(t, never, portable.NeverType(schema.ParseGroupResource(text)), text)
	}
}

func TestARestoreMakesWhatOthersReadFirst(t *testing.T) {
	item := func(resource, text string) *portable.Item { return portable.Sanitize(resource, read(t, text)) }
	items := []*portable.Item{
		item("pods", "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: ns}}"),
		item("deployments", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: ns}}"),
		item("networkpolicies", "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: np, namespace: ns}}"),
		item("widgets", "{apiVersion: example.com/v1, kind: Widget, metadata: {name: child, namespace: ns, ownerReferences: [{apiVersion: example.com/v1, kind: Widget, name: parent, uid: u}]}}"),
		item("widgets", "{apiVersion: example.com/v1, kind: Widget, metadata: {name: parent, namespace: ns, ownerReferences: [{apiVersion: example.com/v1, kind: Widget, name: parent, uid: u}]}}"),
		item("ingresses", "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, namespace: ns}}"),
		item("services", "{apiVersion: v1, kind: Service, metadata: {name: s, namespace: ns}}"),
		item("secrets", "{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: ns}}"),
		item("configmaps", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: ns}}"),
		item("rolebindings", "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: ns}}"),
		item("roles", "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r, namespace: ns}}"),
		item("serviceaccounts", "{apiVersion: v1, kind: ServiceAccount, metadata: {name: a, namespace: ns}}"),
		item("storageclasses", "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: sc}}"),
		item("customresourcedefinitions", "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: crd}}"),
		portable.Namespace(read(t, "{apiVersion: v1, kind: Namespace, metadata: {name: ns}}")),
	}
	portable.Order(items)
	var waves []string
	for _, w := range portable.Waves(items) {
		var titles []string
		for _, it := range w {
			titles = append(titles, it.Title())
		}
		waves = append(waves, strings.Join(titles, ", "))
	}
	assert.Equal(t, []string{
		"Namespace ns", "CustomResourceDefinition crd", "StorageClass sc", "ServiceAccount ns/a", "Role ns/r", "RoleBinding ns/b",
		"ConfigMap ns/c, Secret ns/s", "Service ns/s", "Ingress ns/i", "Widget.example.com ns/parent", "Widget.example.com ns/child",
		"NetworkPolicy ns/np", "Deployment ns/d, Pod ns/p",
	}, waves)
}

// Owners in a circle are somebody's mistake, and end no process.
func TestOwnersInACircleAreSorted(t *testing.T) {
	var items []*portable.Item
	for _, pair := range [][2]string{{"a", "b"}, {"b", "a"}} {
		items = append(items, portable.Sanitize("widgets", read(t, "{apiVersion: example.com/v1, kind: Widget, metadata: {name: "+pair[0]+", ownerReferences: [{apiVersion: example.com/v1, kind: Widget, name: "+pair[1]+", uid: u}]}}")))
	}
	portable.Order(items)
	assert.Len(t, items, 2)
}
