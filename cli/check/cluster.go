// SPDX-License-Identifier: Apache-2.0

package check

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/config/crd"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
)

// oldest is the oldest version of Kubernetes that has what is needed: ValidatingAdmissionPolicy.
const oldest = "1.30.0"

// onHub and onCluster are the kinds that are needed there, as CustomResourceDefinitions spell them.
var (
	onHub     = []string{"drclusterconfigs", "drclusters", "drplacementcontrols", "drpolicies", "volumereplicationgroups"}
	onCluster = []string{"drclusterconfigs", "maintenancemodes", "recipes", "volumereplicationgroups"}
)

// admissionOf are the policies that a hub and a cluster need.
var (
	admissionOfHub     = []string{"ramen-applications", "ramen-credential", "ramen-exchange", "ramen-exchange-namespaces", "ramen-misplaced"}
	admissionOfCluster = []string{"ramen-spokectrl"}
)

func (r *report) version(c *Cluster) {
	const what = "Kubernetes is " + oldest + " or newer"
	if !r.known(pageInstall, what, c.Version.Unknown) {
		return
	}
	v, err := version.ParseGeneric(c.Version.Value)
	switch {
	case err != nil:
		r.add(view.CheckUnknown, pageInstall, what, fmt.Sprintf("it says that it is %q", c.Version.Value))
	case v.LessThan(version.MustParseGeneric(oldest)):
		r.add(view.CheckError, pageInstall, what, "it is "+c.Version.Value)
	default:
		r.add(view.CheckSuccess, pageInstall, what, "")
	}
}

// definitions compares definitions with those that this program was built with.
func (r *report) definitions(c *Cluster, kinds []string) {
	if !r.known(pageInstall, "definitions are installed", c.Definitions.Unknown) {
		return
	}
	for _, kind := range kinds {
		name := kind + ".ramendr.openshift.io"
		what := fmt.Sprintf("%s are defined as this program knows them", kind)
		has, ok := c.Definitions.Value[name]
		if !ok {
			r.add(view.CheckError, pageInstall, what, "there is no such definition")
			continue
		}
		wanted, err := definition(kind)
		if err != nil {
			r.add(view.CheckUnknown, pageInstall, what, err.Error())
			continue
		}
		lacks, adds := differences(versions(wanted), versions(has), "")
		switch {
		case len(lacks) > 0:
			r.add(view.CheckError, pageUpgrade, what, "other than there, or not there: "+some(lacks)+". Apply the definitions of the version of the controllers")
		case len(adds) > 0:
			r.add(view.CheckWarning, pageUpgrade, what, "they have more than this program knows: "+some(adds)+". Use the program of that version")
		default:
			r.add(view.CheckSuccess, pageInstall, what, "")
		}
	}
}

// definition is the one that this program was built with.
func definition(kind string) (map[string]any, error) {
	raw, err := fs.ReadFile(crd.Files, "ramendr.openshift.io_"+kind+".yaml")
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, yaml.Unmarshal(raw, &out)
}

// versions are the schemas of a definition by version.
func versions(definition map[string]any) map[string]any {
	out := map[string]any{}
	spec, _ := definition["spec"].(map[string]any)
	list, _ := spec["versions"].([]any)
	for _, v := range list {
		one, _ := v.(map[string]any)
		name, _ := one["name"].(string)
		out[name] = one["schema"]
	}
	return plain(out)
}

// plain has all numbers as JSON has them: readers differ in the types that they use.
func plain(in map[string]any) map[string]any {
	var out map[string]any
	raw, err := json.Marshal(in)
	if err != nil || json.Unmarshal(raw, &out) != nil {
		return in // what was read from JSON or YAML can be written
	}
	return out
}

// differences are the paths at which two schemas differ: that the second lacks, or has otherwise, and that it has in addition.
// Descriptions are no difference.
func differences(wanted, has any, at string) (lacks, adds []string) {
	w, isMap := wanted.(map[string]any)
	h, also := has.(map[string]any)
	if !isMap || !also {
		if !reflect.DeepEqual(wanted, has) {
			return []string{short(at)}, nil
		}
		return nil, nil
	}
	for _, k := range slices.Sorted(maps.Keys(w)) {
		if _, text := w[k].(string); k == "description" && text {
			continue
		}
		if _, ok := h[k]; !ok {
			lacks = append(lacks, short(at+"."+k))
			continue
		}
		l, a := differences(w[k], h[k], at+"."+k)
		lacks, adds = append(lacks, l...), append(adds, a...)
	}
	for _, k := range slices.Sorted(maps.Keys(h)) {
		if _, ok := w[k]; !ok && k != "description" {
			adds = append(adds, short(at+"."+k))
		}
	}
	return lacks, adds
}

// short is a path as a user spells fields.
func short(path string) string {
	path = strings.ReplaceAll(strings.ReplaceAll(path, ".properties.", "."), ".items.", "[].")
	return strings.TrimPrefix(strings.Replace(path, ".openAPIV3Schema", "", 1), ".")
}

func some(all []string) string {
	const most = 5
	if len(all) > most {
		return strings.Join(all[:most], ", ") + fmt.Sprintf(" and %d more", len(all)-most)
	}
	return strings.Join(all, ", ")
}

// deployment checks that a controller runs.
func (r *report) deployment(c *Cluster, name string, page page) {
	what := fmt.Sprintf("Deployment %s is available", name)
	if !r.known(page, what, c.Deployments.Unknown) {
		return
	}
	d, ok := c.Deployments.Value[name]
	switch {
	case !ok:
		r.add(view.CheckError, page, what, "there is none in the namespace of the controllers")
	case d.Status.AvailableReplicas == 0:
		r.add(view.CheckError, page, what, "no replica is available"+because(&d))
	case d.Spec.Replicas != nil && d.Status.AvailableReplicas < *d.Spec.Replicas:
		r.add(view.CheckWarning, page, what, fmt.Sprintf("%d of %d replicas are available%s", d.Status.AvailableReplicas, *d.Spec.Replicas, because(&d)))
	default:
		r.add(view.CheckSuccess, page, what, "")
	}
}

func because(d *appsv1.Deployment) string {
	for _, c := range d.Status.Conditions {
		if c.Status != "True" && c.Message != "" {
			return ": " + c.Message
		}
	}
	return ""
}

// admission checks that policies are there, in force, and understood by the API server.
func (r *report) admission(c *Cluster, names []string) {
	if !r.known(pageSecurity, "admission policies are in force", c.Admission.Unknown) {
		return
	}
	for _, name := range names {
		what := fmt.Sprintf("ValidatingAdmissionPolicy %s is in force", name)
		p, ok := c.Admission.Value[name]
		switch {
		case !ok:
			r.add(view.CheckError, pageSecurity, what, "there is none")
		case !c.Bound[name]:
			r.add(view.CheckError, pageSecurity, what, "no ValidatingAdmissionPolicyBinding names it")
		case p.Status.TypeChecking != nil && len(p.Status.TypeChecking.ExpressionWarnings) > 0:
			w := p.Status.TypeChecking.ExpressionWarnings[0]
			r.add(view.CheckWarning, pageSecurity, what, fmt.Sprintf("the API server doubts an expression at %s: %s", w.FieldRef, w.Warning))
		default:
			r.add(view.CheckSuccess, pageSecurity, what, "")
		}
	}
}

// config checks a configuration.
func (r *report) config(c *Cluster, name string, page page) {
	what := fmt.Sprintf("ConfigMap %s is a configuration", name)
	if !r.known(page, what, c.Config.Unknown) {
		return
	}
	switch {
	case c.Err != nil:
		r.add(view.CheckError, page, what, c.Err.Error())
		return
	case len(c.Config.Value.Unknown) > 0:
		r.add(view.CheckWarning, page, what, "fields that are not known are ignored: "+some(c.Config.Value.Unknown))
		return
	}
	r.add(view.CheckSuccess, page, what, "")
}

// Silent says that the API server of a cluster of that name can't be read.
func Silent(name, why string) []view.CheckCategory {
	r := &report{}
	r.category("cluster %s, itself", name)
	r.add(view.CheckError, pageClusters, "its API server answers you", why)
	return r.out
}

// Spoke checks a DR cluster that the user has a connection to.
func Spoke(name, known string, c *Cluster) []view.CheckCategory {
	r := &report{}
	r.category("cluster %s, itself", name)
	const what = "it is the cluster that the hub knows by this name"
	if known != "" && r.known(pageClusters, what, c.Identity.Unknown) {
		whyNot := ""
		if c.Identity.Value != known {
			whyNot = fmt.Sprintf("the hub knows %s as cluster %s, and --cluster-context leads to cluster %s", name, known, c.Identity.Value)
		}
		r.is(view.CheckError, pageClusters, what, whyNot)
	}
	r.version(c)
	r.definitions(c, onCluster)
	r.deployment(c, "spokectrl", pageClusters)
	admission := admissionOfCluster
	if _, pull := c.Deployments.Value["mirror"]; pull {
		r.deployment(c, "mirror", pageMirror)
		admission = append(slices.Clone(admission), "ramen-mirror")
	}
	r.admission(c, admission)
	r.config(c, ramenconfig.SpokeConfigMap, pageClusters)
	return r.out
}
