// SPDX-License-Identifier: Apache-2.0

package link

// What the tests outside of this package need of it.

// Count counts one of each for a cluster.
func Count(m *Metrics, cluster string) {
	m.hops.WithLabelValues(cluster, wayUp).Observe(1)
	m.noteWrites(cluster, hubSide)("apply", groupResource)
	m.noteRefusal(cluster, groupResource, "EpochRefused")
}
