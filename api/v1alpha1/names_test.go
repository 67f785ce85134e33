// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// departure is a difference between our schemas and Ramen's. A path that ends or begins with * stands for all below it, or
// for all that end in the rest; kind * is all kinds.
type departure struct{ kind, path, is, why string }

// departures are all differences, each with its reason.
var departures = []departure{
	{"*", "spec", "required here", "an object without a spec asks for nothing: it is refused as a whole"},
	{"*", "*.storageID.id", "optional here", "a volume without the id is reported, and says what it lacks"},
	{"*", "*.replicationID.id", "optional here", "a volume that VolSync replicates has none"},
	{"*", "*.peerClasses[].storageClassName", "required here", "an entry is found by it"},

	{"*", "*.protectedPVC.capacity", "only here", "what receives a volume must hold all of it, and what is restored is to ask for what was asked"},
	{"VolumeReplicationGroup", "status.protectedPVCs[].capacity", "only here", "what receives a volume must hold all of it"},
	{"*", "*.keySecret", "only here", "movers that run take another key only if its Secret has another name"},

	{"DRClusterConfig", "spec.abandonedStores*", "only here", "the user gives a lost store up once, not in the configuration of each cluster"},
	{"DRClusterConfig", "spec.clusterID", "optional here", "the cluster tells its own id, in status.clusterID"},
	{"DRClusterConfig", "spec.maintenanceModes*", "only here", "the hub asks for modes through the one object that it exchanges with a cluster"},
	{"DRClusterConfig", "status.apis*", "only here", "the hub can't ask the cluster what it serves"},
	{"DRClusterConfig", "status.classes*", "only here", "the hub can't read the classes of the cluster"},
	{"DRClusterConfig", "status.clusterID", "only here", "the cluster tells its own id"},
	{"DRClusterConfig", "status.kubernetesVersion", "only here", "the hub can't ask the cluster"},
	{"DRClusterConfig", "status.maintenanceModes*", "only here", "the answers to spec.maintenanceModes"},
	{"DRClusterConfig", "status.networkAttachments", "any value", "never set; accepted in what was exported"},
	{"DRClusterConfig", "status.observedGeneration", "only here", "the hub can't see which spec the cluster has considered"},
	{"DRClusterConfig", "status.profiles*", "only here", "the hub can't reach the object stores from the cluster"},
	{"DRClusterConfig", "status.storageAccessDetails", "any value", "never set; accepted in what was exported"},

	{"DRCluster", "spec.clusterFence", "no enum here", "a rule refuses what asks for fencing, and says why"},
	{"DRCluster", "status.clusterID", "only here", "another cluster that takes the name over is not believed"},
	{"DRCluster", "status.credential*", "only here", "how long the mirror's credentials last"},
	{"DRCluster", "status.maintenanceModes[].state", "optional here", "a mode that the cluster has not answered yet has none"},

	{"DRPlacementControl", "spec.action", "enum ,Failover,Relocate here", "action: \"\" in Git clears what was there before"},
	{"DRPlacementControl", "spec.placementRef", "optional here", "there is no Placement"},
	{"DRPlacementControl", "status.decisions*", "only here", "there is no Placement: this is what deployment tools follow"},
	{"DRPlacementControl", "status.operations*", "only here", "who asked for what, how long it took, and what was lost"},
	{"DRPlacementControl", "status.resourceConditions.resourceMeta.generation", "optional here", "nothing is known before the first report"},
	{"DRPlacementControl", "status.resourceConditions.resourceMeta.kind", "optional here", "nothing is known before the first report"},
	{"DRPlacementControl", "status.resourceConditions.resourceMeta.name", "optional here", "nothing is known before the first report"},
	{"DRPlacementControl", "status.resourceConditions.resourceMeta.namespace", "optional here", "nothing is known before the first report"},
	{"DRPlacementControl", "status.resourceConditions.resourceMeta.protectedStaticIPVMs", "any value", "never set; accepted in what was exported"},
	{"DRPlacementControl", "status.waiting*", "only here", "what an operation waits for, and the next step"},

	{"DRClusterConfig", "status.signingKey", "only here", "the hub must know whose signature may lie in a store before anything is stored"},
	{"DRPolicy", "status.networkPeers", "any value", "never set; accepted in what was exported"},
	{"DRPolicy", "status.sync", "any value", "never set; accepted in what was exported"},

	{"VolumeReplicationGroup", "spec.action", "enum ,Failover,Relocate here", "as in a DRPlacementControl"},
	{"VolumeReplicationGroup", "spec.replicationState", "enum primary,secondary here", "nothing else is a role"},
	{"VolumeReplicationGroup", "spec.retainNamespaceSCCAcrossPeers", "only here", "Ramen's hub writes namespaces of clusters itself"},
	{"VolumeReplicationGroup", "spec.staticIPTranslationSpec", "any value", "refused, whatever it says"},
	{"VolumeReplicationGroup", "spec.sync", "any value", "refused, whatever it says"},
	{"VolumeReplicationGroup", "status.exchange*", "only here", "what a report answers"},
	{"VolumeReplicationGroup", "status.namespaces*", "only here", "the hub can't read the namespaces of the clusters"},
	{"VolumeReplicationGroup", "status.signingKey", "only here", "the peer must know who signs what it restores"},
	{"VolumeReplicationGroup", "status.staticIPDiscovery", "any value", "never set; accepted in what was exported"},
}

// covers reports whether the departure is the difference, which is one of kind at path.
func (d departure) covers(o departure) bool {
	if d.kind != "*" && d.kind != o.kind || d.is != o.is {
		return false
	}
	if stem, ok := strings.CutSuffix(d.path, "*"); ok {
		rest, ok := strings.CutPrefix(o.path, stem)
		return ok && (rest == "" || strings.ContainsRune(".[{", rune(rest[0])))
	}
	if tail, ok := strings.CutPrefix(d.path, "*"); ok {
		return strings.HasSuffix(o.path, tail)
	}
	return d.path == o.path
}

// TestNamesAreThoseOfRamen compares the schemas with the list of Ramen's fields: tools that read and write those must
// find them here under the same names.
func TestNamesAreThoseOfRamen(t *testing.T) {
	theirs := readFields(t)
	require.Len(t, theirs, 7)
	explains := make([]bool, len(departures))
	for _, kind := range slices.Sorted(maps.Keys(theirs)) {
		for _, difference := range compare(kind, theirs[kind], schemaOf(t, kind)) {
			i := slices.IndexFunc(departures, func(d departure) bool { return d.covers(difference) })
			if assert.NotEqual(t, -1, i, "not explained: %s %s: %s", difference.kind, difference.path, difference.is) {
				explains[i] = true
			}
		}
	}
	for i, d := range departures {
		assert.NotEmpty(t, d.why, "%s %s", d.kind, d.path)
		assert.True(t, explains[i], "is no difference any more: %s %s: %s", d.kind, d.path, d.is)
	}
}

// field is a leaf or a node of a schema.
type field struct {
	kind     string // type
	required bool
	enum     string
	anything bool // it takes any value
}

type fields map[string]field

// compare lists the differences of two schemas. What a type of Kubernetes holds is not compared: the list ends there.
func compare(kind string, theirs, ours fields) []departure {
	var out []departure
	say := func(path, format string, args ...any) {
		out = append(out, departure{kind: kind, path: path, is: fmt.Sprintf(format, args...)})
	}
	for _, path := range slices.Sorted(maps.Keys(theirs)) {
		their := theirs[path]
		our, ok := ours[path]
		switch {
		case !ok && within(path, func(p string) bool { return ours[p].anything }):
		case !ok:
			say(path, "missing here")
		case our.anything:
			say(path, "any value")
		case our.kind != their.kind:
			say(path, "%s here, %s there", our.kind, their.kind)
		case our.enum != their.enum && our.enum == "":
			say(path, "no enum here")
		case our.enum != their.enum:
			say(path, "enum %s here", our.enum)
		case our.required && !their.required:
			say(path, "required here")
		case !our.required && their.required:
			say(path, "optional here")
		}
	}
	for _, path := range slices.Sorted(maps.Keys(ours)) {
		_, ok := theirs[path]
		// The list names a type of Kubernetes and nothing in it.
		cut := within(path, func(p string) bool { their, ok := theirs[p]; return ok && their.kind == "object" && !parent(theirs, p) })
		if !ok && !cut {
			say(path, "only here")
		}
	}
	return out
}

// within reports whether is holds of something that path is a part of.
func within(path string, is func(string) bool) bool {
	for i := range path {
		if strings.ContainsRune(".[{", rune(path[i])) && is(path[:i]) {
			return true
		}
	}
	return false
}

func parent(of fields, path string) bool {
	for p := range of {
		if rest, ok := strings.CutPrefix(p, path); ok && rest != "" && strings.ContainsRune(".[{", rune(rest[0])) {
			return true
		}
	}
	return false
}

// readFields reads the list of Ramen's fields, by kind.
func readFields(t *testing.T) map[string]fields {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "fields.txt"))
	require.NoError(t, err)
	shapes, kinds := map[string][]string{}, map[string][]string{}
	var into map[string][]string
	var name string
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
		case line[0] != ' ' && words[0] == "kind":
			into, name = kinds, words[1]
		case line[0] != ' ':
			require.Equal(t, "shape", words[0], line)
			into, name = shapes, words[1]
		default:
			into[name] = append(into[name], strings.TrimSpace(line))
		}
	}
	out := map[string]fields{}
	for kind, lines := range kinds {
		out[kind] = fields{}
		expand(t, out[kind], shapes, "", lines)
	}
	return out
}

// expand puts what lines say into out, below prefix.
func expand(t *testing.T, out fields, shapes map[string][]string, prefix string, lines []string) {
	t.Helper()
	for _, line := range lines {
		words := strings.Fields(line)
		path, kind, f := prefix+words[0], words[1], field{}
		for _, word := range words[2:] {
			if enum, ok := strings.CutPrefix(word, "enum="); ok {
				f.enum = enum
				continue
			}
			require.Equal(t, "required", word, line)
			f.required = true
		}
		for {
			of, list := strings.CutPrefix(kind, "[]")
			if list {
				out[path] = field{kind: "array", required: f.required}
				path, kind, f.required = path+"[]", of, false
				continue
			}
			if of, ok := strings.CutPrefix(kind, "{}"); ok {
				out[path] = field{kind: "object", required: f.required}
				path, kind, f.required = path+"{}", of, false
				continue
			}
			break
		}
		shape, ok := shapes[kind]
		if ok {
			kind = "object"
		}
		f.kind = kind
		out[path] = f
		expand(t, out, shapes, path+".", shape)
	}
}

// definitionOf is our definition of a kind.
func definitionOf(t *testing.T, kind string) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "config", "crd", "ramendr.openshift.io_*.yaml"))
	require.NoError(t, err)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		crd := &apiextensionsv1.CustomResourceDefinition{}
		require.NoError(t, yaml.UnmarshalStrict(text, crd))
		if crd.Spec.Names.Kind == kind {
			return crd
		}
	}
	require.Fail(t, "no definition of "+kind)
	return nil
}

// schemaOf is the schema of a kind in the form of the list.
func schemaOf(t *testing.T, kind string) fields {
	t.Helper()
	out := fields{}
	root := definitionOf(t, kind).Spec.Versions[0].Schema.OpenAPIV3Schema
	for _, part := range []string{"spec", "status"} {
		p := root.Properties[part]
		flatten(out, part, &p, slices.Contains(root.Required, part))
	}
	return out
}

func flatten(out fields, path string, s *apiextensionsv1.JSONSchemaProps, required bool) {
	f := field{kind: s.Type, required: required, anything: s.XPreserveUnknownFields != nil && *s.XPreserveUnknownFields}
	if s.XIntOrString {
		f.kind = "int-or-string"
	}
	var enum []string
	for _, e := range s.Enum {
		enum = append(enum, strings.Trim(string(e.Raw), `"`))
	}
	f.enum = strings.Join(enum, ",")
	out[path] = f
	for name, p := range s.Properties {
		flatten(out, path+"."+name, &p, slices.Contains(s.Required, name))
	}
	if s.Items != nil && s.Items.Schema != nil {
		flatten(out, path+"[]", s.Items.Schema, false)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		flatten(out, path+"{}", s.AdditionalProperties.Schema, false)
	}
}
