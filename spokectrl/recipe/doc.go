// SPDX-License-Identifier: Apache-2.0

// Package recipe turns a Recipe and its parameters into the steps of a capture and of a restore. It is pure.
//
// It promises that a parameter stays a value, whatever it holds: it can't add a word to a command, an object to a manifest,
// or a namespace to a list that was not written as one; that every step stays within the namespaces of the application; and
// that all that is wrong is told at once, each with its path in the Recipe and what to do, before anything runs.
package recipe
