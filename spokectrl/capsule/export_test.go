// SPDX-License-Identifier: Apache-2.0

package capsule

// Montgomery is for tests.
var Montgomery = montgomery
