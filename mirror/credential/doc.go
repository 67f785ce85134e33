// SPDX-License-Identifier: Apache-2.0

// Package credential handles what a mirror shows to the API server at the other end of a link: a kubeconfig in a Secret,
// with a token of a ServiceAccount.
//
// It promises that a kubeconfig from a Secret can't make the mirror run a program or read a file, that a token is only
// ever exchanged for one of the same ServiceAccount, and that no token gets into a message or a log.
package credential
