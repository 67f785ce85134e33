// SPDX-License-Identifier: Apache-2.0

// Package hooks runs the operations of the hooks of Recipes: commands in Pods, checks, scaling and Jobs. It also keeps what is
// written down of attempts.
//
// It promises that an operation acts as ServiceAccount ramen-hooks of its namespace, and so never beyond the rights that somebody
// gave to that; that an operation which finds nothing to act on says so, and does not succeed; that it ends within its timeout;
// and that an error names the operation, the object and the cause, but not the words of a command, which may hold secrets.
package hooks
