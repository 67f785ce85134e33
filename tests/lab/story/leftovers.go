// SPDX-License-Identifier: Apache-2.0

package story

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	replicationv1alpha1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/s3"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/tests/lab"
)

// leftovers fails if anything of the protection is left after DR was disabled.
func (s *Story) leftovers(ctx context.Context, home string) error {
	var errs []error
	for _, cluster := range lab.Clusters() {
		groups := &v1alpha1.VolumeReplicationGroupList{}
		if err := s.lab.Cluster(cluster).Client.List(ctx, groups); err != nil {
			return fmt.Errorf("list VolumeReplicationGroups on %s: %w", cluster, err)
		}
		for i := range groups.Items {
			if g := &groups.Items[i]; s.ours(g) {
				errs = append(errs, fmt.Errorf("VolumeReplicationGroup %s is left on %s", client.ObjectKeyFromObject(g), cluster))
			}
		}
	}
	for _, cluster := range lab.Spokes() {
		replications := &replicationv1alpha1.VolumeReplicationList{}
		if err := s.lab.Cluster(cluster).Client.List(ctx, replications, client.InNamespace(s.App.Namespace)); err != nil {
			return fmt.Errorf("list VolumeReplications on %s: %w", cluster, err)
		}
		for i := range replications.Items {
			errs = append(errs, fmt.Errorf("VolumeReplication %s is left on %s", client.ObjectKeyFromObject(&replications.Items[i]), cluster))
		}
	}
	for _, cluster := range lab.Spokes() {
		errs = append(errs, s.copies(ctx, cluster))
	}
	return errors.Join(append(errs, s.marks(ctx, home), s.objects(ctx))...)
}

// copies fails if anything is left of what sent or received copies.
func (s *Story) copies(ctx context.Context, cluster string) error {
	var errs []error
	own := client.HasLabels{v1alpha1.LabelCreatedByRamen}
	for kind, list := range map[string]client.ObjectList{
		"ReplicationSource": &volsyncv1.ReplicationSourceList{}, "ReplicationDestination": &volsyncv1.ReplicationDestinationList{},
		"VolumeSnapshot": &snapshotv1.VolumeSnapshotList{}, "PersistentVolumeClaim": &corev1.PersistentVolumeClaimList{},
	} {
		err := s.lab.Cluster(cluster).Client.List(ctx, list, client.InNamespace(s.App.Namespace), own)
		if meta.IsNoMatchError(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("list %ss on %s: %w", kind, cluster, err)
		}
		if n := meta.LenList(list); n > 0 {
			errs = append(errs, fmt.Errorf("%d of kind %s are left on %s", n, kind, cluster))
		}
	}
	volumes := &corev1.PersistentVolumeList{}
	if err := s.lab.Cluster(cluster).Client.List(ctx, volumes, client.MatchingLabels{
		v1alpha1.LabelOwnerNamespace: s.App.DRPC().Namespace, v1alpha1.LabelOwnerName: s.App.DRPC().Name,
	}); err != nil {
		return fmt.Errorf("list PVs on %s: %w", cluster, err)
	}
	if n := len(volumes.Items); n > 0 {
		errs = append(errs, fmt.Errorf("%d PVs of the group are left on %s", n, cluster))
	}
	return errors.Join(errs...)
}

// ours reports whether a group, a wish or a report is of this application: there may be others in the lab.
func (s *Story) ours(group *v1alpha1.VolumeReplicationGroup) bool {
	is := s.App.DRPC()
	return client.ObjectKeyFromObject(group) == is || group.Name == exchange.ObjectName(is.Namespace, is.Name)
}

// marks fails if the PVC or its PV still bear marks of the protection.
func (s *Story) marks(ctx context.Context, home string) error {
	pvc, err := s.App.Claim(ctx, home)
	if err != nil {
		return err
	}
	pv := &corev1.PersistentVolume{}
	if err := s.lab.Cluster(home).Client.Get(ctx, client.ObjectKey{Name: pvc.Spec.VolumeName}, pv); err != nil {
		return fmt.Errorf("read PV %s on %s: %w", pvc.Spec.VolumeName, home, err)
	}
	var errs []error
	if pvc.Status.Phase != corev1.ClaimBound {
		errs = append(errs, fmt.Errorf("the PVC is %s, not Bound", pvc.Status.Phase))
	}
	if pv.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		errs = append(errs, fmt.Errorf("the PV has reclaim policy %s, not its original Delete", pv.Spec.PersistentVolumeReclaimPolicy))
	}
	for _, o := range []client.Object{pvc, pv} {
		left := slices.Concat(o.GetFinalizers(), keys(o.GetLabels()), keys(o.GetAnnotations()))
		for _, key := range left {
			if strings.Contains(key, "ramendr.openshift.io") && key != v1alpha1.AnnotationRestored {
				errs = append(errs, fmt.Errorf("%T %s still has %s", o, o.GetName(), key))
			}
		}
	}
	return errors.Join(errs...)
}

// objects fails if metadata is left in an object store.
func (s *Story) objects(ctx context.Context) error {
	ca, err := s.lab.StoreCA()
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range s.lab.Stores() {
		bucket, err := s3.Open(store.Config{
			Profile: p.Profile, Endpoint: s.lab.StoreURL(lab.Hub, p.Profile), Bucket: p.Bucket, Region: lab.Region,
			AccessKey: p.AccessKey, SecretKey: p.SecretKey, CA: ca,
		})
		if err != nil {
			return err
		}
		left, err := bucket.List(ctx, s.App.DRPC().String()+"/")
		if err != nil {
			return err
		}
		if len(left) > 0 {
			errs = append(errs, fmt.Errorf("the object store %s still holds %v", p.Profile, left))
		}
	}
	return errors.Join(errs...)
}

func keys(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}
