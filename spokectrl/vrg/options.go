// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"fmt"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// Scheme knows the kinds that are read and written on a DR cluster.
func Scheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	for name, add := range map[string]func(*runtime.Scheme) error{
		"Kubernetes":            clientgoscheme.AddToScheme,
		"api extensions":        apiextensionsv1.AddToScheme,
		"ramen":                 v1alpha1.AddToScheme,
		"kubernetes-csi-addons": replicationv1.AddToScheme,
		"volsync":               volsyncv1.AddToScheme,
		"snapshots":             snapshotv1.AddToScheme,
	} {
		if err := add(s); err != nil {
			return nil, fmt.Errorf("add kinds of %s: %w", name, err)
		}
	}
	return s, nil
}

// ManagerOptions limits what a manager keeps in memory: of Pods those that use claims, and which, of definitions whether they
// are established, ConfigMaps of the operator's namespace only, of snapshots our own, and no Secret at all.
func ManagerOptions(namespace string) (manager.Options, error) {
	scheme, err := Scheme()
	if err != nil {
		return manager.Options{}, err
	}
	return manager.Options{
		Scheme: scheme,
		Cache: cache.Options{
			DefaultTransform: slim,
			NewInformer:      newInformer,
			ByObject: map[client.Object]cache.ByObject{
				&corev1.Pod{}: {Transform: slimPod},
				&apiextensionsv1.CustomResourceDefinition{}: {Transform: slimDefinition},
				&corev1.ConfigMap{}:                         {Namespaces: map[string]cache.Config{namespace: {}}},
			},
		},
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
	}, nil
}

func slimMeta(m *metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: m.Name, Namespace: m.Namespace, UID: m.UID,
		ResourceVersion: m.ResourceVersion, Generation: m.Generation,
		DeletionTimestamp: m.DeletionTimestamp,
	}
}

// slim drops what nobody reads. Of a snapshot that is not ours only the name is kept: its API may be missing, so that the
// cache can't be told beforehand what to select.
func slim(obj any) (any, error) {
	s, ok := obj.(*snapshotv1.VolumeSnapshot)
	if ok && s.Labels[v1alpha1.LabelCreatedByRamen] != "true" {
		return &snapshotv1.VolumeSnapshot{ObjectMeta: slimMeta(&s.ObjectMeta)}, nil
	}
	return cache.TransformStripManagedFields()(obj)
}

func slimPod(obj any) (any, error) {
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return obj, nil
	}
	slim := &corev1.Pod{ObjectMeta: slimMeta(&pod.ObjectMeta), Status: corev1.PodStatus{Phase: pod.Status.Phase}}
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim != nil || v.Ephemeral != nil {
			slim.Spec.Volumes = append(slim.Spec.Volumes, v)
		}
	}
	return slim, nil
}

func slimDefinition(obj any) (any, error) {
	crd, ok := obj.(*apiextensionsv1.CustomResourceDefinition)
	if !ok {
		return obj, nil
	}
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: slimMeta(&crd.ObjectMeta),
		Status:     apiextensionsv1.CustomResourceDefinitionStatus{Conditions: crd.Status.Conditions},
	}, nil
}
