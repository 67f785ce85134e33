// SPDX-License-Identifier: Apache-2.0

// Package grant gives a mirror its way to the other end of its link: a Secret with a token of the mirror's ServiceAccount there,
// made with the rights of an administrator of that end. It serves the programs that people run; a mirror that runs renews its
// token itself (package credential).
//
// It promises that each token is bound to the Secret by whose deletion access is taken back, and that no token of before is
// accepted again.
package grant
