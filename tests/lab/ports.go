// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"net"
	"slices"
	"strconv"
)

// Names of the clusters.
const (
	Hub = "hub"
	DR1 = "dr1"
	DR2 = "dr2"
)

// Spokes are the clusters that applications run on.
func Spokes() []string { return []string{DR1, DR2} }

// Clusters are all clusters of a lab.
func Clusters() []string { return append([]string{Hub}, Spokes()...) }

// Names of services. Those that exist once per cluster are named <name>-<cluster>.
const (
	serviceEtcd        = "etcd"
	serviceAPIServer   = "apiserver"
	serviceControllers = "controller-manager"
	serviceS3          = "s3"
	serviceProxy       = "proxy"
	serviceStorage     = "storage"
	serviceNode        = "node"
	serviceHubctrl     = "hubctrl"
	serviceSecond      = "hubctrl-second"
	serviceSpokectrl   = "spokectrl"
	serviceMirror      = "mirror"
	serviceAddons      = "csi-addons"
	serviceSidecar     = "csi-addons-sidecar"
)

// programLab is the program of the lab itself; it has the parts of the lab as subcommands.
const programLab = "ramenlab"

// on is the name of a service of one cluster.
func on(service, cluster string) string { return service + "-" + cluster }

// Further ports of services that have more than one.
const (
	portPeer   = "peer-"
	portHealth = "health-"
	portLink   = "link-"
)

// ports lists what has a port, in a fixed order: the n-th gets the n-th port of the lab's block.
func ports() []string {
	out := []string{serviceS3, serviceProxy, portHealth + serviceHubctrl}
	for _, c := range Clusters() {
		out = append(out, on(serviceEtcd, c), portPeer+on(serviceEtcd, c), on(serviceAPIServer, c), on(serviceControllers, c))
	}
	for _, c := range Spokes() {
		out = append(out, on(serviceStorage, c), portHealth+on(serviceSpokectrl, c), portHealth+on(serviceMirror, c))
	}
	for _, l := range links() {
		out = append(out, portLink+l.name())
	}
	for _, c := range Spokes() {
		out = append(out, on(serviceSidecar, c), portHealth+on(serviceAddons, c))
	}
	return append(out, portHealth+serviceSecond)
}

// address is the host:port of an entry of ports.
func (l *Lab) address(port string) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(l.basePort+slices.Index(ports(), port)))
}

// port is the number in address.
func (l *Lab) port(port string) string {
	return strconv.Itoa(l.basePort + slices.Index(ports(), port))
}
