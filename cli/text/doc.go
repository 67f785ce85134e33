// SPDX-License-Identifier: Apache-2.0

// Package text prints the envelopes of package view for people, at the width of their terminal, with color or without. It is
// pure, and it prints nothing that is not in the envelope. Whatever comes from an object passes through Clean: no name and no
// message can move the cursor, change a color or turn the direction of a line. Each color goes with a word.
package text
