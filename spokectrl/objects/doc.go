// SPDX-License-Identifier: Apache-2.0

// Package objects says what an engine does that captures and restores the Kubernetes objects of a group. Stores, keys, Recipes
// and conditions are no business of an engine: it is handed a place for the parts of a capture, and hands back what it found.
//
// An engine promises that what can't be read, or can't be made, is a finding and never silently missing; that what can't be read
// now is captured as the capture before has it; that it restores nothing before all parts were found to be whole; that objects
// that exist already are kept, and named, unless the request says otherwise; and that no attempt at a restore makes again what an
// earlier one made. Package enginetest checks each engine.
package objects
