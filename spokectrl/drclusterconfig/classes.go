// SPDX-License-Identifier: Apache-2.0

package drclusterconfig

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// source tells how to read one kind of class.
type source struct {
	kind         v1alpha1.ClassKind
	gvk          schema.GroupVersionKind
	provisioner  []string // path of the provisioner or driver
	parameters   []string // path of the parameters
	isDefault    string   // annotation
	listed       string   // label that puts the name into the list of the kind
	optionalName string   // resource whose API is optional; empty: always served
}

// sources are the classes that matter, in the order of their kinds.
func sources() []source {
	replication := schema.GroupVersion{Group: "replication.storage.openshift.io", Version: "v1alpha1"}
	snapshot := schema.GroupVersion{Group: "snapshot.storage.k8s.io", Version: "v1"}
	group := schema.GroupVersion{Group: "groupsnapshot.storage.k8s.io", Version: "v1beta1"}
	return []source{
		{
			kind: v1alpha1.KindStorageClass, gvk: schema.GroupVersionKind{Group: "storage.k8s.io", Version: "v1", Kind: "StorageClass"},
			provisioner: []string{"provisioner"}, parameters: []string{"parameters"},
			isDefault: "storageclass.kubernetes.io/is-default-class", listed: v1alpha1.LabelStorageID,
		},
		{
			kind: v1alpha1.KindVolumeSnapshotClass, gvk: snapshot.WithKind("VolumeSnapshotClass"),
			provisioner: []string{"driver"}, parameters: []string{"parameters"},
			isDefault: "snapshot.storage.kubernetes.io/is-default-class", listed: v1alpha1.LabelStorageID,
			optionalName: "volumesnapshotclasses",
		},
		{
			kind: v1alpha1.KindVolumeGroupSnapshotClass, gvk: group.WithKind("VolumeGroupSnapshotClass"),
			provisioner: []string{"driver"}, parameters: []string{"parameters"},
			isDefault: "groupsnapshot.storage.kubernetes.io/is-default-class", listed: v1alpha1.LabelStorageID,
			optionalName: "volumegroupsnapshotclasses",
		},
		{
			kind: v1alpha1.KindVolumeReplicationClass, gvk: replication.WithKind("VolumeReplicationClass"),
			provisioner: []string{"spec", "provisioner"}, parameters: []string{"spec", "parameters"},
			isDefault: "replication.storage.openshift.io/is-default-class", listed: v1alpha1.LabelReplicationID,
			optionalName: "volumereplicationclasses",
		},
		{
			kind: v1alpha1.KindVolumeGroupReplicationClass, gvk: replication.WithKind("VolumeGroupReplicationClass"),
			provisioner: []string{"spec", "provisioner"}, parameters: []string{"spec", "parameters"},
			isDefault: "replication.storage.openshift.io/is-default-class", listed: v1alpha1.LabelGroupReplicationID,
			optionalName: "volumegroupreplicationclasses",
		},
	}
}

// read lists the classes of one kind; served is false if the cluster does not know the kind.
func (s source) read(ctx context.Context, r client.Reader) (facts []v1alpha1.ClassFact, served bool, err error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(s.gvk.GroupVersion().WithKind(s.gvk.Kind + "List"))
	switch err := r.List(ctx, list); {
	case meta.IsNoMatchError(err):
		return nil, false, nil
	case err != nil:
		return nil, true, fmt.Errorf("list %s: %w", s.gvk.Kind, err)
	}
	for i := range list.Items {
		facts = append(facts, s.fact(&list.Items[i]))
	}
	slices.SortFunc(facts, func(a, b v1alpha1.ClassFact) int { return cmp.Compare(a.Name, b.Name) })
	return facts, true, nil
}

func (s source) fact(u *unstructured.Unstructured) v1alpha1.ClassFact {
	provisioner, _, _ := unstructured.NestedString(u.Object, s.provisioner...)
	parameters, _, _ := unstructured.NestedStringMap(u.Object, s.parameters...)
	maps.DeleteFunc(parameters, func(key, _ string) bool { return strings.Contains(strings.ToLower(key), "secret") })
	labels := maps.Clone(u.GetLabels())
	maps.DeleteFunc(labels, func(key, _ string) bool { return !strings.HasPrefix(key, "ramendr.openshift.io/") })
	return v1alpha1.ClassFact{
		Kind: s.kind, Name: u.GetName(), Provisioner: provisioner,
		Labels: labels, Parameters: parameters, Default: u.GetAnnotations()[s.isDefault] == "true",
	}
}

// names are those of the classes that carry the label of their list, sorted.
func (s source) names(facts []v1alpha1.ClassFact) []string {
	var out []string
	for _, f := range facts {
		if f.Labels[s.listed] != "" {
			out = append(out, f.Name)
		}
	}
	return out
}
