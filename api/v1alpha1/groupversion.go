// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion names the group and version of this API.
var GroupVersion = schema.GroupVersion{Group: "ramendr.openshift.io", Version: "v1alpha1"}

// SchemeGroupVersion is GroupVersion under the name that generated code expects.
var SchemeGroupVersion = GroupVersion

// AddToScheme registers every kind of the group.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion,
		&DRPlacementControl{}, &DRPlacementControlList{},
		&DRPolicy{}, &DRPolicyList{},
		&DRCluster{}, &DRClusterList{},
		&DRClusterConfig{}, &DRClusterConfigList{},
		&VolumeReplicationGroup{}, &VolumeReplicationGroupList{},
		&MaintenanceMode{}, &MaintenanceModeList{},
		&Recipe{}, &RecipeList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
