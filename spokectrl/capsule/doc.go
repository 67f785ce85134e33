// SPDX-License-Identifier: Apache-2.0

// Package capsule says what is stored about a group of volumes and how it is restored. It is pure: it turns objects into
// bodies under keys and back, and compares what is stored with what exists.
//
// It promises that a manifest, written last, vouches for each object by a checksum; that bodies of any size or content
// are read within fixed limits; that no field that belongs to one cluster only is carried to another; and that a restore
// takes over what is ours, creates what is missing, and names each conflict.
package capsule
