// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"maps"

	replicationv1alpha1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// The storage of the lab, the same on both spokes but for the id of the storage.
const (
	Driver                 = "lab.csi.ramendr.io"
	StorageClass           = "lab-rep"
	VolumeReplicationClass = "lab-rep-1m"
	ReplicationID          = "lab-rep-1"
	SchedulingInterval     = "1m"

	// The same storage without replication: its volumes can be copied from snapshots only.
	SnapshotStorageClass = "lab-snap"
	VolumeSnapshotClass  = "lab-snap"

	// Both, but that volumes are made when a Pod first uses their claims.
	WaitingStorageClass         = "lab-rep-wait"
	WaitingSnapshotStorageClass = "lab-snap-wait"
)

// storageID is the id of the storage of a spoke.
func storageID(cluster string) string { return "lab-" + cluster }

// configure makes the configuration of the operator and, on the hub, the keys of the object stores, on a spoke, the
// storage classes.
func (l *Lab) configure(ctx context.Context, c *Cluster) error {
	config, err := l.operatorConfig(c.Name)
	if err != nil {
		return err
	}
	objects := []client.Object{config}
	for _, s := range l.Stores() {
		if c.Name != Hub {
			break // hubctrl brings the keys to the spokes
		}
		objects = append(objects, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: s.Profile},
			StringData: map[string]string{"AWS_ACCESS_KEY_ID": s.AccessKey, "AWS_SECRET_ACCESS_KEY": s.SecretKey},
		})
	}
	if c.Name != Hub {
		classes := storageClasses(c.Name, l.options.Storage)
		if l.options.Sidecars {
			classes = withSecrets(classes)
		}
		objects = append(objects, classes...)
	}
	for _, o := range objects {
		if err := c.Client.Create(ctx, o); err != nil {
			return fmt.Errorf("create %T %s: %w", o, o.GetName(), err)
		}
	}
	return nil
}

// operatorConfig is the configuration of the operator of a cluster: each reaches the object stores by its own links.
func (l *Lab) operatorConfig(cluster string) (*corev1.ConfigMap, error) {
	ca, err := l.StoreCA()
	if err != nil {
		return nil, err
	}
	config := ramenconfig.Config{}
	if cluster == Hub {
		config.AppNamespacesFrom = []string{ramenconfig.AnyNamespace} // the policy of the lab's hub asks who may
	}
	for _, s := range l.Stores() {
		config.S3StoreProfiles = append(config.S3StoreProfiles, ramenconfig.S3StoreProfile{
			S3ProfileName:        s.Profile,
			S3Bucket:             s.Bucket,
			S3CompatibleEndpoint: l.StoreURL(cluster, s.Profile),
			S3Region:             Region,
			S3SecretRef:          corev1.SecretReference{Namespace: Namespace, Name: s.Profile},
			CACertificates:       ca,
		})
	}
	text, err := yaml.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("write the configuration of %s: %w", cluster, err)
	}
	name := ramenconfig.SpokeConfigMap
	if cluster == Hub {
		name = ramenconfig.HubConfigMap
	}
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: name},
		Data:       map[string]string{ramenconfig.Key: string(text)},
	}, nil
}

func storageClasses(cluster, storage string) []client.Object {
	labels := map[string]string{
		v1alpha1.LabelStorageID:     storageID(cluster),
		v1alpha1.LabelReplicationID: ReplicationID,
	}
	replication := maps.Clone(labels)
	if kind := engine.Kind(storage); kind.Sessions() {
		replication[v1alpha1.LabelReplicationSession] = "true"
	}
	// Another storage by its id: a class that shares one with a VolumeReplicationClass is replicated by that.
	plain := map[string]string{v1alpha1.LabelStorageID: storageID(cluster) + "-snap"}
	return []client.Object{
		&storagev1.StorageClass{
			ObjectMeta:  metav1.ObjectMeta{Name: StorageClass, Labels: labels},
			Provisioner: Driver,
		},
		&storagev1.StorageClass{
			ObjectMeta:  metav1.ObjectMeta{Name: SnapshotStorageClass, Labels: plain},
			Provisioner: Driver,
		},
		&storagev1.StorageClass{
			ObjectMeta:  metav1.ObjectMeta{Name: WaitingStorageClass, Labels: labels},
			Provisioner: Driver, VolumeBindingMode: new(storagev1.VolumeBindingWaitForFirstConsumer),
		},
		&storagev1.StorageClass{
			ObjectMeta:  metav1.ObjectMeta{Name: WaitingSnapshotStorageClass, Labels: plain},
			Provisioner: Driver, VolumeBindingMode: new(storagev1.VolumeBindingWaitForFirstConsumer),
		},
		&snapshotv1.VolumeSnapshotClass{
			ObjectMeta:     metav1.ObjectMeta{Name: VolumeSnapshotClass, Labels: plain},
			Driver:         Driver,
			DeletionPolicy: snapshotv1.VolumeSnapshotContentDelete,
		},
		&replicationv1alpha1.VolumeReplicationClass{
			ObjectMeta: metav1.ObjectMeta{Name: VolumeReplicationClass, Labels: replication},
			Spec: replicationv1alpha1.VolumeReplicationClassSpec{
				Provisioner: Driver,
				Parameters: map[string]string{
					"schedulingInterval": SchedulingInterval,
					"replication.storage.openshift.io/replication-secret-name":      pluginName,
					"replication.storage.openshift.io/replication-secret-namespace": pluginNamespace,
				},
			},
		},
	}
}
