// SPDX-License-Identifier: Apache-2.0

// Package cli has the commands of kubectl ramen-direct. A command reads the hub (package hub), computes an envelope (package
// view) and prints it as JSON, as YAML or for people (package text). It uses the connection and the rights that kubectl would
// use, has no configuration of its own and talks to no cluster but the hub and those whose context the user names. Its exit codes are a promise: see the constants.
package cli
