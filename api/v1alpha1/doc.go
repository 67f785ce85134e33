// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is the API of group ramendr.openshift.io, version v1alpha1: the kinds with which users protect
// applications (DRPlacementControl, DRPolicy, DRCluster) and with which hub and clusters speak
// (VolumeReplicationGroup, DRClusterConfig, MaintenanceMode).
//
// Kinds and JSON names are those of Ramen, so that manifests and tools made for Ramen work. What this project adds is
// marked as an addition: status.exchange of a VolumeReplicationGroup, status.decisions and status.waiting of a
// DRPlacementControl, classes, clusterID and profiles of a DRClusterConfig. The package never imports another package
// of the project.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +groupName=ramendr.openshift.io
package v1alpha1
