// SPDX-License-Identifier: Apache-2.0

package volrep

import (
	"context"
	"fmt"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// classOf reads a class; nil: it is gone.
func classOf(ctx context.Context, r client.Reader, name string) (*replicationv1.VolumeReplicationClass, error) {
	class := &replicationv1.VolumeReplicationClass{}
	switch err := r.Get(ctx, client.ObjectKey{Name: name}, class); {
	case apierrors.IsNotFound(err), meta.IsNoMatchError(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read VolumeReplicationClass %s: %w", name, err)
	}
	return class, nil
}

// sessions reports whether a class says that its storage keeps sessions. One that is gone says nothing.
func sessions(class *replicationv1.VolumeReplicationClass) bool {
	return class != nil && class.Labels[v1alpha1.LabelReplicationSession] == "true"
}

// held says why csi-addons never lets a VolumeReplication go that is being deleted; empty: nothing is known to keep it from that. It
// calls the storage for that, and needs the class and the claim to do so.
func held(v provider.Volume, name string, class *replicationv1.VolumeReplicationClass) string {
	switch {
	case class == nil:
		return fmt.Sprintf("csi-addons needs VolumeReplicationClass %s for that, which is gone: create it again with the provisioner and the parameters that it had", name)
	case v.Claim == nil:
		return fmt.Sprintf("csi-addons needs its claim for that, which is gone, because somebody removed the claim's finalizers: end the replication of the volume with the tools of the storage, "+
			"then remove finalizer %s from VolumeReplication %s/%s", finalizer, v.Namespace, v.Name)
	}
	return ""
}

// finalizer is that of csi-addons on a VolumeReplication.
const finalizer = "replication.storage.openshift.io"
