// SPDX-License-Identifier: Apache-2.0

package check_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/check"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/config/crd"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func yes(kinds ...string) (out []metav1.Condition) {
	for _, k := range kinds {
		out = append(out, metav1.Condition{Type: k, Status: "True"})
	}
	return out
}

// asRead has whole numbers as the reader of an API server has them.
func asRead(tree any) any {
	switch t := tree.(type) {
	case map[string]any:
		for k := range t {
			t[k] = asRead(t[k])
		}
	case []any:
		for i := range t {
			t[i] = asRead(t[i])
		}
	case float64:
		if t == float64(int64(t)) {
			return int64(t)
		}
	}
	return tree
}

// defined adds the definitions, which take a while to read.
func defined(t *testing.T, h *check.Hub) *check.Hub {
	t.Helper()
	h.Definitions.Value = map[string]map[string]any{}
	files, err := fs.Glob(crd.Files, "ramendr*.yaml")
	require.NoError(t, err)
	for _, f := range files {
		raw, err := fs.ReadFile(crd.Files, f)
		require.NoError(t, err)
		var d map[string]any
		require.NoError(t, yaml.Unmarshal(raw, &d))
		d = runtime.DeepCopyJSON(asRead(d).(map[string]any))
		h.Definitions.Value[d["metadata"].(map[string]any)["name"].(string)] = d
	}
	return h
}

// installed is a hub with two clusters on which all is well.
func installed(t *testing.T) *check.Hub {
	t.Helper()
	h := &check.Hub{Around: &view.Snapshot{Now: now, Leases: map[string]coordinationv1.Lease{}}, Namespace: "ramen-system"}
	h.Rights.Value = map[check.Right]bool{}
	for _, r := range check.Rights(h.Namespace, true) {
		h.Rights.Value[r] = true
	}
	h.Version.Value = "v1.37.2"
	h.Deployments.Value = map[string]appsv1.Deployment{"hubctrl": {Status: appsv1.DeploymentStatus{AvailableReplicas: 1}}}
	h.Admission.Value, h.Bound = map[string]admissionv1.ValidatingAdmissionPolicy{}, map[string]bool{}
	for _, p := range []string{"ramen-applications", "ramen-credential", "ramen-exchange", "ramen-exchange-namespaces", "ramen-misplaced"} {
		h.Admission.Value[p], h.Bound[p] = admissionv1.ValidatingAdmissionPolicy{}, true
	}
	var err error
	h.Config.Value, err = ramenconfig.Parse([]byte(`s3StoreProfiles:
- {s3ProfileName: s3-a, s3Bucket: a, s3CompatibleEndpoint: "https://s3.example.com", s3Region: eu, s3SecretRef: {name: keys}}
`))
	require.NoError(t, err)
	var zero int64
	h.SkewSeconds = &zero
	h.Configs.Value = map[string]v1alpha1.DRClusterConfig{}
	h.Secrets.Value = map[string]string{"ramen-system/keys": "f1"}
	h.Sizes.Value = map[string]check.Sizes{}
	for _, name := range []string{"dr1", "dr2"} {
		dc := v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.DRClusterSpec{S3ProfileName: "s3-a"}}
		dc.Status.Conditions = append(yes("Connected", "Validated", "CredentialCurrent"), metav1.Condition{Type: "SchemaSkew", Status: "False"})
		h.DRClusters.Value = append(h.DRClusters.Value, dc)
		h.Configs.Value[name] = v1alpha1.DRClusterConfig{Status: v1alpha1.DRClusterConfigStatus{
			Conditions: yes("Processed", "Reachable"), StorageClasses: []string{"fast"}, Profiles: []v1alpha1.ProfileFact{{Name: "s3-a", Reachable: true}},
		}}
		at, renewed := metav1.NewTime(now.Add(-time.Second)), metav1.NewMicroTime(now.Add(-time.Second))
		h.Around.Leases[name] = coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{{Time: &at}}, Annotations: map[string]string{
				exchange.AnnotationLink:       exchange.LinkLive.String(),
				exchange.AnnotationCredential: exchange.Credential{For: exchange.CredentialForHub, Expires: now.Add(time.Hour), Renewed: true}.String(),
			}},
			Spec: coordinationv1.LeaseSpec{RenewTime: &renewed},
		}
		h.Sizes.Value[name] = check.Sizes{
			Quota: &corev1.ResourceQuota{
				Spec:   corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"count/leases": resource.MustParse("8"), "count/reports": resource.MustParse("12k")}},
				Status: corev1.ResourceQuotaStatus{Used: corev1.ResourceList{"count/leases": resource.MustParse("1"), "count/reports": resource.MustParse("9599")}},
			},
			Reports: []check.Report{{Group: types.NamespacedName{Namespace: "shop", Name: "db"}, Volumes: 799, Bytes: 1200 << 10}},
		}
		h.Secrets.Value["outbox-"+name+"/"+exchange.ObjectName("ramen-system", "keys")] = "f1"
	}
	p := v1alpha1.DRPolicy{ObjectMeta: metav1.ObjectMeta{Name: "5m"}, Spec: v1alpha1.DRPolicySpec{DRClusters: []string{"dr1", "dr2"}}}
	p.Status.Conditions, p.Status.Async.PeerClasses = yes("Validated"), []v1alpha1.PeerClass{{StorageClassName: "fast"}}
	h.Policies.Value = []v1alpha1.DRPolicy{p}
	return h
}

// found are the checks that are not good, each with its category.
func found(v *view.Validation) (out []string) {
	for _, c := range v.Categories {
		for _, k := range c.Checks {
			if k.Result != view.CheckSuccess {
				out = append(out, string(k.Result)+" "+c.CategoryName+": "+k.Description+": "+k.Error)
			}
		}
	}
	return out
}

func TestAllIsWell(t *testing.T) {
	v := check.All(defined(t, installed(t)), nil)
	assert.Empty(t, found(v))
	assert.True(t, v.Success)
	assert.Equal(t, view.Good, v.Severity())
	assert.Empty(t, found(check.Before(installed(t), nil)))
}

// TestEveryFaultIsFound breaks one thing at a time.
func TestEveryFaultIsFound(t *testing.T) {
	lease := func(h *check.Hub, change func(*coordinationv1.Lease)) {
		l := h.Around.Leases["dr1"]
		change(&l)
		h.Around.Leases["dr1"] = l
	}
	schema := func(h *check.Hub, kind string) map[string]any {
		versions := h.Definitions.Value[kind+".ramendr.openshift.io"]["spec"].(map[string]any)["versions"].([]any)
		return versions[0].(map[string]any)["schema"].(map[string]any)["openAPIV3Schema"].(map[string]any)["properties"].(map[string]any)["spec"].(map[string]any)["properties"].(map[string]any)
	}
	credential := func(c exchange.Credential) func(*check.Hub) {
		c.For = exchange.CredentialForHub
		return func(h *check.Hub) {
			lease(h, func(l *coordinationv1.Lease) { l.Annotations[exchange.AnnotationCredential] = c.String() })
		}
	}
	used := func(n string) func(*check.Hub) {
		return func(h *check.Hub) { h.Sizes.Value["dr1"].Quota.Status.Used["count/reports"] = resource.MustParse(n) }
	}
	for want, breaks := range map[string]func(*check.Hub){
		"error hub: Kubernetes is 1.30.0 or newer: it is v1.29.4":                                                                     func(h *check.Hub) { h.Version.Value = "v1.29.4" },
		"warning hub: the clock of this machine and of the hub agree: the clock of the hub is 5m ahead":                               func(h *check.Hub) { *h.SkewSeconds = 300 },
		"error hub: drpolicies are defined as this program knows them: there is no such definition":                                   func(h *check.Hub) { delete(h.Definitions.Value, "drpolicies.ramendr.openshift.io") },
		"error hub: drclusters are defined as this program knows them: other than there, or not there: v1alpha1.spec.region":          func(h *check.Hub) { delete(schema(h, "drclusters"), "region") },
		"warning hub: drclusters are defined as this program knows them: they have more than this program knows: v1alpha1.spec.later": func(h *check.Hub) { schema(h, "drclusters")["later"] = map[string]any{"type": "string"} },
		"error hub: Deployment hubctrl is available: there is none":                                                                   func(h *check.Hub) { h.Deployments.Value = nil },
		"error hub: Deployment hubctrl is available: no replica is available: image not found": func(h *check.Hub) {
			h.Deployments.Value["hubctrl"] = appsv1.Deployment{Status: appsv1.DeploymentStatus{Conditions: []appsv1.DeploymentCondition{{Status: "False", Message: "image not found"}}}}
		},
		"error hub: Deployment mirror-push is available: no replica is available": func(h *check.Hub) {
			h.Deployments.Value["mirror-push"] = appsv1.Deployment{}
		},
		"error hub: the controller is at work: it renewed its Lease 10m ago": func(h *check.Hub) {
			at := metav1.NewMicroTime(now.Add(-10 * time.Minute))
			h.Around.Leader = &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{RenewTime: &at}}
		},
		"error hub: ValidatingAdmissionPolicy ramen-exchange is in force: there is none":                                                                                         func(h *check.Hub) { delete(h.Admission.Value, "ramen-exchange") },
		"error hub: ValidatingAdmissionPolicy ramen-exchange is in force: no ValidatingAdmissionPolicyBinding":                                                                   func(h *check.Hub) { delete(h.Bound, "ramen-exchange") },
		"unknown hub: admission policies are in force: you may not read":                                                                                                         func(h *check.Hub) { h.Admission.Unknown = "you may not read them" },
		"error configuration: ConfigMap ramen-hub-operator-config is a configuration: no bucket":                                                                                 func(h *check.Hub) { h.Err = errors.New("no bucket") },
		"warning configuration: ConfigMap ramen-hub-operator-config is a configuration: fields that are not known are ignored: mood":                                             func(h *check.Hub) { h.Config.Value.Unknown = []string{"mood"} },
		"error configuration: S3 profile s3-b of cluster dr1 has keys":                                                                                                           func(h *check.Hub) { h.DRClusters.Value[0].Spec.S3ProfileName = "s3-b" },
		"error configuration: S3 profile s3-a of cluster dr1 has keys: Secret ramen-system/keys does not exist":                                                                  func(h *check.Hub) { delete(h.Secrets.Value, "ramen-system/keys") },
		"error configuration: cluster dr1 is given the keys of S3 profile s3-a: Secret outbox-dr1/ramen-system.keys has the fingerprint f1, and Secret ramen-system/keys has f2": func(h *check.Hub) { h.Secrets.Value["ramen-system/keys"] = "f2" },
		"unknown configuration: S3 profile s3-a of cluster dr1 has keys: you may not":                                                                                            func(h *check.Hub) { h.Secrets.Unknown = "you may not" },
		"error cluster dr1: its mirror is connected: Lost: it is gone": func(h *check.Hub) {
			h.DRClusters.Value[0].Status.Conditions[0] = metav1.Condition{Type: "Connected", Status: "False", Reason: "Lost", Message: "it is gone"}
		},
		"error cluster dr1: its mirror is connected: the condition Connected is not reported": func(h *check.Hub) {
			h.DRClusters.Value[0].Status.Conditions = h.DRClusters.Value[0].Status.Conditions[1:]
		},
		"error cluster dr1: hub and cluster know the same fields":                                                                     func(h *check.Hub) { h.DRClusters.Value[0].Status.Conditions[3].Status = "True" },
		"error cluster dr1: the credential of its mirror does not expire soon: it has expired":                                        credential(exchange.Credential{Expires: now.Add(-time.Hour)}),
		"warning cluster dr1: the credential of its mirror does not expire soon: it expires in 60m, and its renewal fails: forbidden": credential(exchange.Credential{Expires: now.Add(time.Hour), Renewed: true, Trouble: "forbidden"}),
		"warning cluster dr1: the credential of its mirror does not expire soon: it expires in 3d":                                    credential(exchange.Credential{Expires: now.Add(72 * time.Hour)}),
		"error cluster dr1: it accepts the Secrets that it is given: ramen-system/keys": func(h *check.Hub) {
			lease(h, func(l *coordinationv1.Lease) {
				l.Annotations[exchange.AnnotationUndelivered] = "ramen-system/keys: refused"
			})
		},
		"error cluster dr1: all its groups are reported: the hub accepts no report about shop/big": func(h *check.Hub) {
			lease(h, func(l *coordinationv1.Lease) { l.Annotations[exchange.AnnotationUnreported] = "shop/big" })
		},
		"warning cluster dr1: its clock and the one of the hub agree: the clock of dr1 is 2m behind": func(h *check.Hub) {
			lease(h, func(l *coordinationv1.Lease) {
				at := metav1.NewMicroTime(now.Add(-121 * time.Second))
				l.Spec.RenewTime = &at
			})
		},
		"unknown cluster dr1: its Lease says that all is well":                                      func(h *check.Hub) { h.Around.Leases = nil },
		"error cluster dr1: it tells about its classes and stores: there is no DRClusterConfig dr1": func(h *check.Hub) { delete(h.Configs.Value, "dr1") },
		"error cluster dr1: the store of S3 profile s3-a answers this cluster: no route": func(h *check.Hub) {
			h.Configs.Value["dr1"].Status.Profiles[0] = v1alpha1.ProfileFact{Name: "s3-a", Message: "no route"}
		},
		"error cluster dr1: it has a StorageClass that can be protected: no StorageClass has the label ramendr.openshift.io/storageid":     func(h *check.Hub) { h.Configs.Value["dr1"] = v1alpha1.DRClusterConfig{} },
		"warning cluster dr1: its inbox has room for more reports: count/reports are 9600 of 12k":                                          used("9600"),
		"error cluster dr1: its inbox has room for more reports: count/reports are 12k of 12k: the hub accepts no new one":                 used("12k"),
		"unknown cluster dr1: its inbox has room for more reports: kube-controller-manager has not counted count/leases yet":               func(h *check.Hub) { h.Sizes.Value["dr1"].Quota.Status.Used = nil },
		"warning cluster dr1: its inbox has room for more reports: there is no ResourceQuota, so nothing bounds":                           func(h *check.Hub) { h.Sizes.Value["dr1"] = check.Sizes{} },
		"unknown cluster dr1: its inbox has room for more reports: you may not read":                                                       func(h *check.Hub) { h.Sizes.Unknown = "you may not read them" },
		"warning cluster dr1: its groups are small enough to be reported: shop/db has 800 volumes of at most 1000, in 1200 KiB of at most": func(h *check.Hub) { h.Sizes.Value["dr1"].Reports[0].Volumes = 800 },
		"warning cluster dr1: its groups are small enough to be reported: shop/db has 799 volumes of at most 1000, in 1300 KiB":            func(h *check.Hub) { h.Sizes.Value["dr1"].Reports[0].Bytes = 1300 << 10 },
		"error cluster dr1: its groups are small enough to be reported: shop/db has 1000 volumes":                                          func(h *check.Hub) { h.Sizes.Value["dr1"].Reports[0].Volumes = 1000 },
		"error policies: DRPolicy 5m is valid":                                                  func(h *check.Hub) { h.Policies.Value[0].Status.Conditions[0].Status = "False" },
		"error policies: DRPolicy 5m has StorageClasses that both clusters have: there is none": func(h *check.Hub) { h.Policies.Value[0].Status.Async.PeerClasses = nil },
		"warning policies: DRPolicy 5m has StorageClasses that both clusters have: slow of dr2 can't be protected by it": func(h *check.Hub) {
			c := h.Configs.Value["dr2"]
			c.Status.StorageClasses = []string{"fast", "slow"}
			h.Configs.Value["dr2"] = c
		},
		"warning policies: DRPolicies are valid: there is none yet": func(h *check.Hub) { h.Policies.Value = nil },
	} {
		h := installed(t)
		if strings.Contains(want, "are defined") {
			defined(t, h)
		} else {
			h.Definitions.Unknown = "they are not looked at"
		}
		breaks(h)
		v := check.All(h, nil)
		got := found(v)
		assert.Truef(t, strings.HasPrefix(strings.Join(got, "\n"), want) || strings.Contains(strings.Join(got, "\n"), "\n"+want), "%s\nis not in\n%s", want, strings.Join(got, "\n"))
		assert.Equal(t, !strings.HasPrefix(want, "error"), v.Success, want)
	}
}

func TestBeforeTheInstallation(t *testing.T) {
	h := installed(t)
	h.Definitions.Value = map[string]map[string]any{}
	h.Definitions.Value["protectedvolumereplicationgrouplists.ramendr.openshift.io"] = map[string]any{}
	assert.Contains(t, found(check.Before(h, nil))[0], "is Ramen installed here?")
	h = installed(t)
	h.Definitions.Value = nil
	assert.Empty(t, found(check.Before(h, nil)))
	h.Rights.Value[check.Right{Verb: "patch", Group: "apps", Resource: "deployments", Namespace: h.Namespace}] = false
	h.Rights.Value[check.Right{Verb: "escalate", Group: "rbac.authorization.k8s.io", Resource: "clusterroles"}] = false
	got := strings.Join(found(check.Before(h, nil)), "\n")
	assert.Contains(t, got, "error your rights: you may apply a Deployment: you may not patch deployments in namespace ramen-system\n")
	assert.Contains(t, got, "warning your rights: you may give the controllers their rights: the API server refuses")
	got = check.RightsOn("dr1", h.Namespace, h.Rights)[0].Checks[7].Error
	assert.Equal(t, "you may not patch deployments in namespace ramen-system", got)
	h.Rights.Unknown = "you may not read your own rights"
	assert.Equal(t, []string{"unknown your rights: you may install it: you may not read your own rights"}, found(check.Before(h, nil)))
}

// TestTheRightsAreThoseOfTheManifests: a kind that an installation brings, and nobody asks the right for, is found by this test.
func TestTheRightsAreThoseOfTheManifests(t *testing.T) {
	asked := map[string]bool{}
	for _, r := range check.Rights("ramen-system", false) {
		asked[r.Resource] = true
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "config", "*", "*.yaml"))
	require.NoError(t, err)
	kinds := 0
	for _, file := range files {
		if !slices.Contains([]string{"hub", "admission", "crd", "spoke"}, filepath.Base(filepath.Dir(file))) {
			continue
		}
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?m)^kind: (\w+)$`).FindAllStringSubmatch(string(raw), -1) {
			if m[1] == "Kustomization" {
				continue
			}
			resource := strings.ToLower(m[1]) + "s"
			if stem, ok := strings.CutSuffix(resource, "ys"); ok {
				resource = stem + "ies"
			}
			kinds++
			assert.True(t, asked[resource], "%s has a %s", file, m[1])
		}
	}
	assert.Greater(t, kinds, 20)
}

func TestAClusterItself(t *testing.T) {
	h := defined(t, installed(t))
	h.Deployments.Value["spokectrl"], h.Deployments.Value["mirror"] = h.Deployments.Value["hubctrl"], appsv1.Deployment{}
	h.Admission.Value["ramen-spokectrl"], h.Bound["ramen-spokectrl"] = admissionv1.ValidatingAdmissionPolicy{}, true
	v := check.All(defined(t, installed(t)), check.Spoke("dr1", "", &h.Cluster))
	assert.Equal(t, []string{
		"error cluster dr1, itself: Deployment mirror is available: no replica is available",
		"error cluster dr1, itself: ValidatingAdmissionPolicy ramen-mirror is in force: there is none",
	}, found(v))
}

// TestAContextThatLeadsElsewhere: what is found there is said of the wrong cluster.
func TestAContextThatLeadsElsewhere(t *testing.T) {
	h := defined(t, installed(t))
	h.Deployments.Value["spokectrl"], h.Identity.Value = h.Deployments.Value["hubctrl"], "one"
	h.Admission.Value["ramen-spokectrl"], h.Bound["ramen-spokectrl"] = admissionv1.ValidatingAdmissionPolicy{}, true
	of := func(known string) []string {
		return found(check.All(installed(t), check.Spoke("dr1", known, &h.Cluster)))
	}
	without := of("")
	assert.Equal(t, without, of("one"))
	assert.Contains(t, of("two"), "error cluster dr1, itself: it is the cluster that the hub knows by this name: the hub knows dr1 as cluster two, and --cluster-context leads to cluster one")
	h.Identity.Unknown = "you may not read it"
	assert.Contains(t, of("two"), "unknown cluster dr1, itself: it is the cluster that the hub knows by this name: you may not read it")
}

// TestHintsLeadSomewhere: every page, and every heading, exists.
func TestHintsLeadSomewhere(t *testing.T) {
	heading := regexp.MustCompile(`(?m)^#+ (.*)$`)
	for _, p := range check.Pages {
		file, anchor, _ := strings.Cut(string(p), "#")
		raw, err := os.ReadFile(filepath.Join("..", "..", "docs", filepath.FromSlash(file)))
		if !assert.NoError(t, err) || anchor == "" {
			continue
		}
		var anchors []string
		for _, m := range heading.FindAllStringSubmatch(string(raw), -1) {
			anchors = append(anchors, strings.ReplaceAll(strings.ToLower(m[1]), " ", "-"))
		}
		assert.Contains(t, anchors, anchor)
	}
}
