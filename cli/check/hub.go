// SPDX-License-Identifier: Apache-2.0

package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Bounds of what is worth a warning.
const (
	// skewed is how far clocks may be apart: certificates and tokens that were just issued are not valid yet beyond that.
	skewed = 30 * time.Second
	// soon is how long before a credential expires that nobody renews there is a warning.
	soon = 14 * 24 * time.Hour
)

// Before says whether programs can be installed on a hub, before they are. Spokes are what was found on clusters.
func Before(h *Hub, spokes []view.CheckCategory) *view.Validation {
	r := &report{}
	r.category("hub, before the installation")
	r.version(&h.Cluster)
	r.clock(h)
	if what := "no other program manages the kinds of ramendr.openshift.io"; r.known(pageInstall, what, h.Definitions.Unknown) {
		why := ""
		for name := range h.Definitions.Value {
			if kind := strings.TrimSuffix(name, ".ramendr.openshift.io"); kind != name && !slices.Contains(onHub, kind) && !slices.Contains(onCluster, kind) {
				why = fmt.Sprintf("there is a definition %s, which this project does not have: is Ramen installed here? See migration.md", name)
			}
		}
		r.is(view.CheckWarning, pageInstall, what, why)
	}
	r.category("your rights")
	r.rights(h.Namespace, h.Rights, true)
	r.out = append(r.out, spokes...)
	return r.of(h.Around, nil)
}

// All checks a hub and what it knows about its clusters. Spokes are what was found on the clusters themselves.
func All(h *Hub, spokes []view.CheckCategory) *view.Validation {
	r := &report{}
	r.category("hub")
	r.version(&h.Cluster)
	r.clock(h)
	r.definitions(&h.Cluster, onHub)
	r.deployment(&h.Cluster, "hubctrl", pageHub)
	if _, push := h.Deployments.Value["mirror-push"]; push {
		r.deployment(&h.Cluster, "mirror-push", pageMirror)
	}
	if l := h.Around.Heading("", nil).Controller; l.State == view.ControllerSilent {
		r.add(view.CheckError, pageHub, "the controller is at work", fmt.Sprintf("it renewed its Lease %s ago", duration.HumanDuration(l.Renewed.Duration())))
	} else if l.State == view.ControllerLive {
		r.add(view.CheckSuccess, pageHub, "the controller is at work", "")
	}
	r.admission(&h.Cluster, admissionOfHub)

	r.category("configuration")
	r.config(&h.Cluster, ramenconfig.HubConfigMap, pageHub)
	r.profiles(h)

	var names []string
	if r.known(pageCluster, "DRClusters are known", h.DRClusters.Unknown) {
		for i := range h.DRClusters.Value {
			c := &h.DRClusters.Value[i]
			names = append(names, c.Name)
			r.category("cluster %s", c.Name)
			r.link(h, c)
			r.reported(h, c.Name)
			r.sizes(h, c.Name)
		}
		if names == nil {
			r.add(view.CheckWarning, pageClusters, "DRClusters are known", "there is none yet")
		}
	}
	r.out = append(r.out, spokes...)
	r.category("policies")
	if r.known(pagePolicy, "DRPolicies are valid", h.Policies.Unknown) {
		for i := range h.Policies.Value {
			r.policy(h, &h.Policies.Value[i])
		}
		if len(h.Policies.Value) == 0 {
			r.add(view.CheckWarning, pagePolicy, "DRPolicies are valid", "there is none yet")
		}
	}
	return r.of(h.Around, names)
}

func (r *report) clock(h *Hub) {
	const what = "the clock of this machine and of the hub agree"
	if h.SkewSeconds == nil {
		r.add(view.CheckUnknown, pageInstall, what, "the API server does not tell the time")
		return
	}
	r.is(view.CheckWarning, pageInstall, what, apart(time.Duration(*h.SkewSeconds)*time.Second, "the hub", "this machine"))
}

// apart says by how much a clock is ahead of another one; empty: by little.
func apart(by time.Duration, one, other string) string {
	switch {
	case by > skewed:
		return fmt.Sprintf("the clock of %s is %s ahead of the one of %s", one, duration.HumanDuration(by), other)
	case by < -skewed:
		return fmt.Sprintf("the clock of %s is %s behind the one of %s", one, duration.HumanDuration(-by), other)
	}
	return ""
}

// profiles checks that each DRCluster has a profile, that each profile has keys, and that clusters were given the same.
func (r *report) profiles(h *Hub) {
	if h.Config.Unknown != "" || h.Err != nil {
		return // it was said that there is no configuration
	}
	for i := range h.DRClusters.Value {
		c := &h.DRClusters.Value[i]
		what := fmt.Sprintf("S3 profile %s of cluster %s has keys", c.Spec.S3ProfileName, c.Name)
		p, err := h.Config.Value.Profile(c.Spec.S3ProfileName)
		switch {
		case err != nil:
			r.add(view.CheckError, pageHub, what, err.Error())
		case !r.known(pageHub, what, h.Secrets.Unknown):
		case h.Secrets.Value[h.secretOf(p)] == "":
			r.add(view.CheckError, pageHub, what, fmt.Sprintf("Secret %s does not exist", h.secretOf(p)))
		default:
			r.add(view.CheckSuccess, pageHub, fmt.Sprintf("%s, with the fingerprint %s", what, h.Secrets.Value[h.secretOf(p)]), "")
		}
	}
	if h.Secrets.Unknown != "" || !ramenconfig.Enabled(h.Config.Value.DrClusterOperator.S3SecretDistributionEnabled) {
		return
	}
	given := map[string]bool{}
	for i := range h.Policies.Value {
		clusters := h.Policies.Value[i].Spec.DRClusters
		for _, to := range clusters {
			for j := range h.DRClusters.Value {
				if c := &h.DRClusters.Value[j]; slices.Contains(clusters, c.Name) && !given[to+"/"+c.Spec.S3ProfileName] {
					given[to+"/"+c.Spec.S3ProfileName] = true
					r.given(h, to, c.Spec.S3ProfileName)
				}
			}
		}
	}
}

// given checks that the keys of a profile that lie in the outbox of a cluster are those that lie on the hub.
func (r *report) given(h *Hub, cluster, profile string) {
	p, err := h.Config.Value.Profile(profile)
	if err != nil || h.Secrets.Value[h.secretOf(p)] == "" {
		return // it was said
	}
	what := fmt.Sprintf("cluster %s is given the keys of S3 profile %s", cluster, profile)
	name := exchange.Outbox(cluster) + "/" + exchange.ObjectName(h.Config.Value.DrClusterOperator.NamespaceName, p.S3SecretRef.Name)
	switch got := h.Secrets.Value[name]; got {
	case "":
		r.add(view.CheckError, pageHub, what, fmt.Sprintf("there is no Secret %s", name))
	case h.Secrets.Value[h.secretOf(p)]:
		r.add(view.CheckSuccess, pageHub, what, "")
	default:
		r.add(view.CheckError, pageHub, what, fmt.Sprintf("Secret %s has the fingerprint %s, and Secret %s has %s", name, got, h.secretOf(p), h.Secrets.Value[h.secretOf(p)]))
	}
}

// secretOf is where the keys of a profile are.
func (h *Hub) secretOf(p ramenconfig.S3StoreProfile) string {
	return cmp.Or(p.S3SecretRef.Namespace, h.Namespace) + "/" + p.S3SecretRef.Name
}

// link checks the link to a cluster, by its DRCluster and by its Lease.
func (r *report) link(h *Hub, c *v1alpha1.DRCluster) {
	r.condition(view.CheckError, pageMirror, "its mirror is connected", c.Status.Conditions, v1alpha1.ConditionConnected, metav1.ConditionTrue)
	r.condition(view.CheckError, pageCluster, "its DRCluster is valid, and its store answers the hub", c.Status.Conditions, v1alpha1.ConditionValidated, metav1.ConditionTrue)
	if meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionCredentialCurrent) != nil {
		r.condition(view.CheckError, pageMirror, "the credential of its mirror is accepted", c.Status.Conditions, v1alpha1.ConditionCredentialCurrent, metav1.ConditionTrue)
	}
	if skew := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionSchemaSkew); skew != nil {
		r.condition(view.CheckError, pageUpgrade, "hub and cluster know the same fields", c.Status.Conditions, v1alpha1.ConditionSchemaSkew, metav1.ConditionFalse)
	}
	if !r.known(pageMirror, "its Lease says that all is well", leasesUnknown(h.Around)) {
		return
	}
	lease, ok := h.Around.Leases[c.Name]
	if !ok {
		return // the condition says that it never connected
	}
	if credential, ok := exchange.CredentialIn(&lease); ok {
		r.expiry(h.Around.Now, c.Name, credential)
	}
	undelivered := lease.Annotations[exchange.AnnotationUndelivered]
	r.is(view.CheckError, pageMirror, "it accepts the Secrets that it is given", undelivered)
	unreported := lease.Annotations[exchange.AnnotationUnreported]
	if unreported != "" {
		unreported = "the hub accepts no report about " + unreported
	}
	r.is(view.CheckError, pageMirror, "all its groups are reported", unreported)
	if by, ok := ahead(&lease.ObjectMeta, lease.Spec.RenewTime); ok && lease.Annotations[exchange.AnnotationLink] == exchange.LinkLive.String() {
		r.is(view.CheckWarning, pageMirror, "its clock and the one of the hub agree", apart(by, c.Name, "the hub"))
	}
}

func leasesUnknown(s *view.Snapshot) string {
	if s.Leases == nil {
		return "you may not read the Leases in the inboxes"
	}
	return ""
}

// ahead is by how much the clock of a cluster, by which its mirror writes the time of a renewal, is ahead of the one of the hub,
// which notes the time of the write.
func ahead(o *metav1.ObjectMeta, renewed *metav1.MicroTime) (time.Duration, bool) {
	var written time.Time
	for _, m := range o.ManagedFields {
		if m.Time != nil && m.Time.After(written) {
			written = m.Time.Time
		}
	}
	if renewed == nil || written.IsZero() {
		return 0, false
	}
	return renewed.Sub(written), true
}

// expiry checks for how long a credential is accepted.
func (r *report) expiry(now time.Time, cluster string, c exchange.Credential) {
	const what = "the credential of its mirror does not expire soon"
	left := c.Expires.Sub(now)
	switch {
	case c.Expires.IsZero():
		r.add(view.CheckSuccess, pageMirror, what, "")
	case c.ExpiredAt(now):
		r.add(view.CheckError, pageMirror, what, "it has expired. Give it a new one: "+c.Remedy(cluster))
	case c.Trouble != "":
		r.add(view.CheckWarning, pageMirror, what, fmt.Sprintf("it expires in %s, and its renewal fails: %s", duration.HumanDuration(left), c.Trouble))
	case !c.Renewed && left < soon:
		r.add(view.CheckWarning, pageMirror, what, fmt.Sprintf("it expires in %s, and nobody renews it. Give it a new one: %s", duration.HumanDuration(left), c.Remedy(cluster)))
	default:
		r.add(view.CheckSuccess, pageMirror, what, "")
	}
}

// reported checks what a cluster tells about itself.
func (r *report) reported(h *Hub, cluster string) {
	if !r.known(pageConfig, "it tells about its classes and stores", h.Configs.Unknown) {
		return
	}
	c, ok := h.Configs.Value[cluster]
	if !ok {
		r.add(view.CheckError, pageConfig, "it tells about its classes and stores", "there is no DRClusterConfig "+cluster)
		return
	}
	r.condition(view.CheckError, pageConfig, "its classes can be read", c.Status.Conditions, v1alpha1.ConditionProcessed, metav1.ConditionTrue)
	for _, p := range c.Status.Profiles {
		why := p.Message
		if !p.Reachable && why == "" {
			why = "it does not answer"
		}
		if p.Reachable {
			why = ""
		}
		r.is(view.CheckError, pageHub, fmt.Sprintf("the store of S3 profile %s answers this cluster", p.Name), why)
	}
	labeled := ""
	if len(c.Status.StorageClasses) == 0 {
		labeled = "no StorageClass has the label " + v1alpha1.LabelStorageID
	}
	r.is(view.CheckError, pageConfig, "it has a StorageClass that can be protected", labeled)
}

// policy checks that a policy is valid and has classes, and says which ones only one cluster has.
func (r *report) policy(h *Hub, p *v1alpha1.DRPolicy) {
	r.condition(view.CheckError, pagePolicy, fmt.Sprintf("DRPolicy %s is valid", p.Name), p.Status.Conditions, v1alpha1.ConditionValidated, metav1.ConditionTrue)
	paired := map[string]bool{}
	for _, c := range p.Status.Async.PeerClasses {
		paired[c.StorageClassName] = true
	}
	what := fmt.Sprintf("DRPolicy %s has StorageClasses that both clusters have", p.Name)
	if len(paired) == 0 {
		r.add(view.CheckError, pagePolicy, what, "there is none: a StorageClass needs the same name on both clusters, the label "+v1alpha1.LabelStorageID+", and a class that replicates or snapshots its volumes")
		return
	}
	alone := map[string][]string{}
	for _, cluster := range p.Spec.DRClusters {
		for _, name := range h.Configs.Value[cluster].Status.StorageClasses {
			if !paired[name] {
				alone[name] = append(alone[name], cluster)
			}
		}
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(alone)) {
		parts = append(parts, name+" of "+strings.Join(alone[name], " and "))
	}
	why := ""
	if parts != nil {
		why = some(parts) + " can't be protected by it"
	}
	r.is(view.CheckWarning, pagePolicy, what, why)
}
