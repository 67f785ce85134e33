// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
)

// link is a connection between two sites that can fail: from opens it, to serves it. Sites are the clusters and the
// object stores.
type link struct{ from, to string }

// name is what the link is called: <from>-<to>, for instance dr1-hub or dr2-s3-dr1.
func (k link) name() string { return k.from + "-" + k.to }

// storeOf is the name of the object store (and of the S3 profile) of a spoke.
func storeOf(cluster string) string { return "s3-" + cluster }

// links are all connections between sites: agents to the hub, everybody to the object stores, storage drivers to each
// other. There is one server behind both stores, but each client has a link of its own to each of them.
func links() []link {
	var out []link
	for _, from := range Spokes() {
		out = append(out, link{from, Hub})
		for _, to := range Spokes() {
			if from != to {
				out = append(out, link{from, to})
			}
		}
	}
	for _, from := range Clusters() {
		for _, store := range Spokes() {
			out = append(out, link{from, storeOf(store)})
		}
	}
	return out
}

// linkAddress is where the client of a link connects to.
func (l *Lab) linkAddress(k link) string { return l.address(portLink + k.name()) }

// upstream is where a link leads.
func (l *Lab) upstream(k link) string {
	switch {
	case strings.HasPrefix(k.to, "s3-"):
		return l.address(serviceS3)
	case k.to == Hub:
		return l.address(on(serviceAPIServer, Hub))
	}
	return l.address(on(serviceStorage, k.to))
}

// defaultDelay is what Fault adds to each direction for faultproxy.Delay.
const defaultDelay = 2 * time.Second

// Fault makes links fail until Heal. target is a cluster (dr1: every link from it and to it, so that it is alone; its
// object store goes on), an object store (s3-dr1: every link to it) or one link (dr1-hub). A delay is two seconds in each
// direction.
func (l *Lab) Fault(target string, kind faultproxy.Kind) error {
	return l.each(target, func(c *faultproxy.Client, link string) error { return c.Fault(link, kind, defaultDelay) })
}

// Slow adds latency to each direction of the links of target until Heal.
func (l *Lab) Slow(target string, latency time.Duration) error {
	return l.each(target, func(c *faultproxy.Client, link string) error {
		return c.Fault(link, faultproxy.Delay, latency)
	})
}

// Heal ends the faults of the links of target.
func (l *Lab) Heal(target string) error { return l.each(target, (*faultproxy.Client).Heal) }

// LinkStates tells for each link how it fails; empty: it works.
func (l *Lab) LinkStates() (map[string]faultproxy.Kind, error) { return l.proxy().States() }

func (l *Lab) each(target string, do func(*faultproxy.Client, string) error) error {
	affected, err := linksOf(target)
	if err != nil {
		return err
	}
	var errs []error
	for _, link := range affected {
		errs = append(errs, do(l.proxy(), link))
	}
	return errors.Join(errs...)
}

func (l *Lab) proxy() *faultproxy.Client { return faultproxy.NewClient(l.address(serviceProxy)) }

func linksOf(target string) ([]string, error) {
	var found, targets []string
	for _, k := range links() {
		if target == k.from || target == k.to || target == k.name() {
			found = append(found, k.name())
		}
		targets = append(targets, k.from, k.to, k.name())
	}
	if len(found) == 0 {
		slices.Sort(targets)
		return nil, fmt.Errorf("nothing is called %q that could fail: want one of %s", target, strings.Join(slices.Compact(targets), ", "))
	}
	return found, nil
}

// startProxy starts the process that serves the links.
func (l *Lab) proxyArgs() []string {
	var served []faultproxy.Link
	for _, k := range links() {
		served = append(served, faultproxy.Link{Name: k.name(), Listen: l.linkAddress(k), Upstream: l.upstream(k)})
	}
	return append([]string{"proxy"}, faultproxy.Args(l.address(serviceProxy), served)...)
}
