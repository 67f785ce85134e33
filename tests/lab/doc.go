// SPDX-License-Identifier: Apache-2.0

// Package lab runs a hub and two clusters on this machine: real kube-apiserver, etcd and kube-controller-manager for
// each, an S3 server, a storage driver that moves real bytes, a stand-in for the kubelet, and the project's controllers,
// all as processes on loopback, with every connection between sites going through a proxy that can break it. It needs no
// container runtime, no root and, once its programs are built, no internet.
//
// It promises that clusters share nothing (each has its own authority, etcd and port), that controllers get the
// identities that they have in production and never an administrator's, that several labs run beside each other, and that
// nothing outlives a lab: not a process, not a file, not even after kill -9.
//
// Start gives the clusters, the object store and the links; Install adds the definitions and the configuration;
// StartStorage and StartControllers add the rest. Up does all of it. The folder of a lab holds:
//
//	state.json                what runs (see State)
//	bin/  log/<service>.log   programs, output
//	<cluster>/                etcd's data, certificates, kubeconfigs
//	s3/                       objects, users, certificate
//	data/<cluster>/           volumes and snapshots of the storage driver, and what the writers noted of their volumes
package lab
