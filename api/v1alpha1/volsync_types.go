// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
)

// MoverConfig sets the security of the VolSync movers of one volume.
type MoverConfig struct {
	// pvcName is the name of the PVC.
	// +required
	// +kubebuilder:validation:MinLength=1
	PVCName string `json:"pvcName"`
	// pvcNamespace is the namespace of the PVC.
	// +required
	// +kubebuilder:validation:MinLength=1
	PVCNamespace string `json:"pvcNamespace"`
	// moverSecurityContext is the security context of the mover's Pod.
	// +optional
	MoverSecurityContext *corev1.PodSecurityContext `json:"moverSecurityContext,omitempty"`
	// moverServiceAccount is the ServiceAccount of the mover's Pod.
	// +optional
	MoverServiceAccount *string `json:"moverServiceAccount,omitempty"`
}

// VolSyncReplicationDestinationSpec asks for the destination of one volume.
type VolSyncReplicationDestinationSpec struct {
	// protectedPVC is the volume as the primary knows it.
	// +optional
	ProtectedPVC ProtectedPVC `json:"protectedPVC,omitzero"`
	// moverConfig of one destination is not used: moverConfig of the group applies to sources and destinations.
	// +optional
	MoverConfig *MoverConfig `json:"moverConfig,omitempty"`
}

// RsyncTLSConfig is where the source of a volume finds its destination.
type RsyncTLSConfig struct {
	// address of the destination.
	// +optional
	Address string `json:"address,omitempty"`
	// tlsSecretRef names the Secret with the pre-shared key.
	// +optional
	TLSSecretRef corev1.LocalObjectReference `json:"tlsSecretRef,omitzero"`
}

// VolSyncReplicationSourceSpec asks for the source of one volume.
type VolSyncReplicationSourceSpec struct {
	// protectedPVC is the volume.
	// +optional
	ProtectedPVC ProtectedPVC `json:"protectedPVC,omitzero"`
	// rsyncTLS is where the destination is.
	// +optional
	RsyncTLS *RsyncTLSConfig `json:"rsyncTLS,omitempty"`
	// moverConfig sets the security of the mover.
	// +optional
	MoverConfig *MoverConfig `json:"moverConfig,omitempty"`
}

// VolSyncReplicationDestinationInfo tells where a destination listens, and what it has received.
type VolSyncReplicationDestinationInfo struct {
	// protectedPVC is the volume. Its lastSyncTime is when the newest image of what was received had been taken.
	// +optional
	ProtectedPVC ProtectedPVC `json:"protectedPVC,omitzero"`
	// rsyncTLS is the address.
	// +optional
	RsyncTLS *RsyncTLSConfig `json:"rsyncTLS,omitempty"`
}

// VolSyncSpec configures volumes that VolSync replicates.
type VolSyncSpec struct {
	// rdSpec asks a secondary for destinations.
	// +optional
	// +listType=atomic
	RDSpec []VolSyncReplicationDestinationSpec `json:"rdSpec,omitempty"`
	// rsSpec tells a primary where the destinations are.
	// +optional
	// +listType=atomic
	RSSpec []VolSyncReplicationSourceSpec `json:"rsSpec,omitempty"`
	// moverConfig sets the security of the movers.
	// +optional
	// +listType=map
	// +listMapKey=pvcNamespace
	// +listMapKey=pvcName
	MoverConfig []MoverConfig `json:"moverConfig,omitempty"`
	// keySecret names the Secret with the key by which the movers of both clusters trust each other, in each namespace of the
	// group. Another key has another name. The hub sets it in groups. An addition to Ramen's API.
	// +optional
	KeySecret string `json:"keySecret,omitempty"`
	// disabled turns VolSync off for this group.
	// +optional
	Disabled bool `json:"disabled,omitempty"`
}
