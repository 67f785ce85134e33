// SPDX-License-Identifier: Apache-2.0

// Package portable says what of a Kubernetes object belongs to the application, and not to the cluster that it runs on. It is
// pure: it judges objects that others read, and makes those that others write.
//
// It promises that volumes, what replicates them and what controllers make are in no capture, whatever is configured; that
// no field that one cluster made up is carried to another, and none that a user set is lost; and that two objects are equal if
// and only if a restore of one over the other would change nothing.
package portable
