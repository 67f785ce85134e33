// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"

	volsyncv1alpha1 "github.com/backube/volsync/api/v1alpha1"
	csiaddonsv1alpha1 "github.com/csi-addons/kubernetes-csi-addons/api/csiaddons/v1alpha1"
	replicationv1alpha1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// Scheme knows all types that the lab's clusters serve.
func Scheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	if err := errors.Join(
		clientgoscheme.AddToScheme(s),
		apiextensionsv1.AddToScheme(s),
		v1alpha1.AddToScheme(s),
		csiaddonsv1alpha1.AddToScheme(s),
		replicationv1alpha1.AddToScheme(s),
		snapshotv1.AddToScheme(s),
		volsyncv1alpha1.AddToScheme(s),
	); err != nil {
		return nil, fmt.Errorf("build scheme: %w", err)
	}
	return s, nil
}
