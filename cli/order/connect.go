// SPDX-License-Identifier: Apache-2.0

package order

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/internal/bounded"
)

// Site is what is known about a cluster that is to be connected, or disconnected.
type Site struct {
	view.Snapshot
	Name string
	// Known are the DRClusters of the hub.
	Known []v1alpha1.DRCluster
	// Profiles are the S3 profiles of the hub's configuration; nil: they could not be read.
	Profiles []string
	// Namespace of the mirror, on the cluster or on the hub.
	Namespace string
	// Push : the mirror is to run on the hub, and reaches the cluster.
	Push bool
	// Pushes : the hub holds a way to the cluster, by which a mirror there keeps the link. PushMirror : one runs there.
	Pushes, PushMirror bool

	// Looked : the cluster itself was looked at. Identity is its own, Installed says that the namespace exists there, Mirror that the
	// mirror does, Account that it has the ServiceAccount by which one on the hub reaches it, and Pulls that it holds a way to the hub.
	Looked, Installed, Mirror, Account, Pulls bool
	Identity                                  string

	// Server is the address by which the mirror is to reach the hub, or in push mode the cluster; Loopback: it leads a machine to
	// itself.
	Server   string
	Loopback bool

	// Policies of the hub that list the cluster, the applications of those, and what else has a wish for the cluster.
	Policies, Applications, Wishes []string
}

// DRCluster is the one of the cluster; nil: there is none.
func (s *Site) DRCluster() *v1alpha1.DRCluster {
	for i := range s.Known {
		if s.Known[i].Name == s.Name {
			return &s.Known[i]
		}
	}
	return nil
}

// Connect judges the wish to connect a cluster, with an S3 profile and a region where they are named.
func Connect(s *Site, profile, region string) (*view.Connection, error) {
	c := &view.Connection{Head: s.Heading("ClusterConnection", []string{s.Name}), Cluster: s.Name, Profile: profile, Region: region, Identity: s.Identity, Server: s.Server, Push: s.Push}
	dc := s.DRCluster()
	refuse := func(g view.Guard, format string, args ...any) {
		c.Refusals = append(c.Refusals, view.Refusal{Guard: g, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case dc == nil && profile == "":
		return nil, fmt.Errorf("DRCluster %s does not exist yet: name the S3 profile that it is to have with --s3-profile%s", s.Name, choice(s.Profiles))
	case dc == nil && s.Profiles != nil && !slices.Contains(s.Profiles, profile):
		refuse(view.GuardProfile, "the configuration of the hub has no S3 profile %s%s", profile, choice(s.Profiles))
	case dc == nil:
		c.Manifest = clusterManifest(c)
	case dc.DeletionTimestamp != nil:
		refuse(view.GuardInUse, "DRCluster %s is being deleted: connect the cluster again when it is gone", s.Name)
	default:
		known(c, dc, refuse)
	}
	for i := range s.Known {
		if o := &s.Known[i]; o.Name != s.Name && s.Identity != "" && o.Status.ClusterID == s.Identity {
			refuse(view.GuardIdentity, "this cluster is connected as %s already: a cluster has one name", o.Name)
		}
	}
	if s.Looked && !s.Installed {
		refuse(view.GuardInstalled, "namespace %s does not exist on the cluster: install it there first, as docs/install.md says", s.Namespace)
	} else {
		mode(s, c, refuse)
	}
	switch {
	case s.Loopback && s.Push:
		c.Warnings = append(c.Warnings, fmt.Sprintf("the address of the cluster is %s, by which another machine does not reach it: name the one by which the hub does with --server", s.Server))
	case s.Loopback:
		c.Warnings = append(c.Warnings, fmt.Sprintf("the address of the hub is %s, by which another machine does not reach it: name the one by which the cluster does with --server", s.Server))
	}
	return c, nil
}

// mode judges where the mirror runs: two of them, one at each end, would keep the same link.
func mode(s *Site, c *view.Connection, refuse func(view.Guard, string, ...any)) {
	switch {
	case s.Push && s.Looked && !s.Account:
		refuse(view.GuardInstalled, "there is no ServiceAccount mirror in namespace %s of the cluster, by which the mirror on the hub reaches it: apply install-spoke-push.yaml there first", s.Namespace)
	case s.Push && (s.Pulls || s.Mirror):
		refuse(view.GuardMode, "the mirror on the cluster keeps the link: end it first with the commands for a change from pull to push that docs/mirror.md has, or leave --mode out")
	case s.Push && !s.PushMirror:
		c.Warnings = append(c.Warnings, fmt.Sprintf("there is no Deployment mirror-push in namespace %s of the hub: the connection is made when a mirror runs there. Apply install-mirror-push.yaml", s.Namespace))
	case !s.Push && s.Pushes:
		refuse(view.GuardMode, "a mirror on the hub keeps the link: say --mode=push, or end it first: kubectl -n %s delete secret mirror-%s", s.Namespace, s.Name)
	case !s.Push && s.Looked && !s.Mirror:
		c.Warnings = append(c.Warnings, fmt.Sprintf("there is no Deployment mirror in namespace %s of the cluster: the connection is made when a mirror runs there", s.Namespace))
	}
}

// known compares what the user names with the DRCluster that exists.
func known(c *view.Connection, dc *v1alpha1.DRCluster, refuse func(view.Guard, string, ...any)) {
	if c.Profile != "" && c.Profile != dc.Spec.S3ProfileName {
		refuse(view.GuardProfile, "DRCluster %s has S3 profile %s, which can't be changed", dc.Name, dc.Spec.S3ProfileName)
	}
	if c.Region != "" && c.Region != dc.Spec.Region {
		refuse(view.GuardProfile, "DRCluster %s has region %q, which can't be changed", dc.Name, dc.Spec.Region)
	}
	c.Profile, c.Region = dc.Spec.S3ProfileName, dc.Spec.Region
	recorded, accepted := dc.Status.ClusterID, dc.Annotations[v1alpha1.AnnotationAcceptCluster]
	if recorded != "" && c.Identity != "" && recorded != c.Identity && accepted != c.Identity {
		refuse(view.GuardIdentity, "the hub knows %s as cluster %s, and this is cluster %s. If it replaces that one: kubectl annotate drcluster %s %s=%s --overwrite",
			dc.Name, recorded, c.Identity, dc.Name, v1alpha1.AnnotationAcceptCluster, c.Identity)
	}
}

func choice(profiles []string) string {
	if len(profiles) == 0 {
		return ""
	}
	return ": it has " + bounded.List(profiles, ", ")
}

func clusterManifest(c *view.Connection) string {
	spec := map[string]string{"s3ProfileName": c.Profile}
	if c.Region != "" {
		spec["region"] = c.Region
	}
	return asManifest("DRCluster", map[string]any{"name": c.Cluster}, spec)
}

// asManifest is the YAML of an object of this project.
func asManifest(kind string, metadata, spec any) string {
	raw, err := yaml.Marshal(map[string]any{"apiVersion": v1alpha1.GroupVersion.String(), "kind": kind, "metadata": metadata, "spec": spec})
	if err != nil {
		return "" // strings can be written
	}
	return string(raw)
}

// Disconnect judges the wish to disconnect a cluster; revoke: only to take back the access of its mirror.
func Disconnect(s *Site, revoke, evenIfGit bool) *view.Connection {
	c := &view.Connection{Head: s.Heading("ClusterConnection", []string{s.Name}), Cluster: s.Name, Ends: true, OnlyAccess: revoke, Identity: s.Identity, Applications: s.Applications, Push: s.Pushes}
	if s.Pushes && !s.Looked {
		c.StillAccepted = fmt.Sprintf("kubectl -n %s delete secret mirror-credential", s.Namespace)
		c.Warnings = append(c.Warnings, fmt.Sprintf("what is on the hub is deleted; the cluster accepts the token that the mirror had until it expires. To take it back, name the cluster with --cluster-context, or: %s, on the cluster", c.StillAccepted))
	}
	dc := s.DRCluster()
	if dc == nil {
		return c
	}
	c.Profile, c.Region = dc.Spec.S3ProfileName, dc.Spec.Region
	if recorded := dc.Status.ClusterID; recorded != "" && s.Identity != "" && recorded != s.Identity {
		c.Refusals = append(c.Refusals, view.Refusal{Guard: view.GuardIdentity, Message: fmt.Sprintf(
			"the hub knows %s as cluster %s, and the one that was looked at is cluster %s: name its context, or none", s.Name, recorded, s.Identity)})
	}
	if revoke {
		if len(s.Applications) > 0 {
			c.Warnings = append(c.Warnings, fmt.Sprintf("%d applications stay as they are, and the hub learns nothing about them from %s until that is connected again", len(s.Applications), s.Name))
		}
		return c
	}
	if len(s.Applications) > 0 {
		c.Refusals = append(c.Refusals, view.Refusal{Guard: view.GuardInUse, Message: fmt.Sprintf(
			"applications are protected by it: %s. End their protection first, each with kubectl ramen-direct unprotect", bounded.List(s.Applications, ", "))})
	} else if len(s.Wishes) > 0 {
		c.Refusals = append(c.Refusals, view.Refusal{Guard: view.GuardInUse, Message: fmt.Sprintf(
			"the hub still wishes for groups of applications there: %s. Protect these again and end that, or wait until the hub has ended them", bounded.List(s.Wishes, ", "))})
	}
	if len(s.Policies) > 0 {
		c.Refusals = append(c.Refusals, view.Refusal{Guard: view.GuardInUse, Message: fmt.Sprintf(
			"DRPolicies list it: %s. Delete them first: kubectl delete drpolicy %s", bounded.List(s.Policies, ", "), strings.Join(s.Policies, " "))})
	}
	if tool := owner(dc); tool != "" {
		if evenIfGit {
			c.Warnings = append(c.Warnings, tool+" takes DRCluster "+s.Name+" from a Git repository, and may create it again")
		} else {
			c.Git = &view.Git{Tool: tool}
			c.Refusals = append(c.Refusals, view.Refusal{Guard: view.GuardGit, Message: tool + " takes DRCluster " + s.Name +
				" from a Git repository, and would create it again: remove it there, or delete it all the same with --even-if-git"})
		}
	}
	return c
}
