// SPDX-License-Identifier: Apache-2.0

// Package volumes knows the claims and volumes of a group: which ones belong to it, what marks they carry, what uses
// them, and what to write so that they are retained, marked and let go. It promises that nothing counts as free unless
// that was read, and that the original reclaim policy of a volume is remembered and restored, never assumed.
package volumes
