// SPDX-License-Identifier: Apache-2.0

// Package captures keeps the captures of Kubernetes objects in the object stores of a group. A capture is written once, into
// all stores at the same time, below <namespace>/<group>/kube-objects/<slot>/<id>/: parts, then a manifest with their
// checksums. Last of all the group's own signed manifest is made to name it.
//
// It promises that what a store names is whole, wherever the writer died; that a capture in the slot that a store names is
// never touched; that a cluster of a lower epoch neither names a capture nor deletes one of a higher; that a part which was
// changed, cut or exchanged is never handed out; and that nobody but the clusters of the group can read one. What a store is
// told to hold and does not is an error that names the key.
package captures
