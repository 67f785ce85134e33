// SPDX-License-Identifier: Apache-2.0

// Package view says what a manager of disaster recovery wants to know about the applications of a hub, computed from objects
// of that hub alone. It is pure: the objects and the time come in, and out comes an envelope with a version, which is printed
// as JSON or YAML as it is, and as text by package text. The words about a wait are the hub's own, from the status; the view
// adds the order, the age of each fact and the command that comes next. What is not known is absent, never zero.
package view
