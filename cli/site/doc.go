// SPDX-License-Identifier: Apache-2.0

// Package site says how all applications of a cluster fail over: which can go, in which waves, and how far each has come. It is
// pure. Every application gets the same order as one that fails over alone, with the same guards (package order); a guard leaves
// the application out here, and the others go. What holds for the cluster as a whole, as that it answers, refuses everything.
package site

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/view"
)

// Foreseen is what the hub's own code says about one failover.
type Foreseen struct {
	// ID names what it was computed from.
	ID string
	// Runs : it leads to where the application runs.
	Runs bool
	// WaitsFor is what the hub would wait for at once; nil: it begins.
	WaitsFor *view.Wait
}

// Foresee asks the hub's own code about the failover of one application. It returns nil if that is not known.
type Foresee func(*view.Detail, *view.Order) (*Foreseen, error)

// Plan sorts the applications that have their home on a cluster into waves, and leaves out those that can't go. Every detail is
// of one application of the hub.
func Plan(around *view.Snapshot, details []*view.Detail, from string, r view.SiteRequest, foresee Foresee) (*view.Site, error) {
	out := &view.Site{Head: around.Heading("SiteFailover", named(details, from)), From: from, Request: r}
	if why := answers(out.Clusters, from); why != nil && !r.SourceIsDown {
		out.Refusals = append(out.Refusals, *why)
	}
	var ids []string
	waves := map[int64]*view.Wave{}
	for _, d := range details {
		a, err := member(d, from, r, foresee, &ids)
		if err != nil {
			return nil, err
		}
		switch {
		case a == nil:
		case a.State == view.SiteLeftOut:
			out.LeftOut = append(out.LeftOut, *a)
		default:
			n := waveOf(&d.Applications[0])
			if waves[n] == nil {
				waves[n] = &view.Wave{Number: n}
			}
			waves[n].Applications = append(waves[n].Applications, *a)
		}
	}
	for _, w := range waves {
		slices.SortFunc(w.Applications, byName)
		out.Waves = append(out.Waves, *w)
	}
	slices.SortFunc(out.Waves, func(a, b view.Wave) int { return cmp.Compare(a.Number, b.Number) })
	slices.SortFunc(out.LeftOut, byName)
	if foresee != nil {
		out.ID = idOf(out, ids)
	}
	return out, nil
}

func byName(a, b view.SiteApplication) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// named are the clusters that the plan speaks of: the one that is given up, and the others of the policies of its applications.
func named(details []*view.Detail, from string) []string {
	out := []string{from}
	for _, d := range details {
		for _, s := range d.Sides {
			if !slices.Contains(out, s.Cluster) && view.Explain(d).Application.Home == from {
				out = append(out, s.Cluster)
			}
		}
	}
	slices.Sort(out[1:])
	return out
}

// answers refuses to give up a cluster that answers; nil: it does not.
func answers(clusters []view.Cluster, from string) *view.Refusal {
	for i := range clusters {
		if c := &clusters[i]; c.Name == from && c.State == view.ClusterLive {
			return &view.Refusal{Guard: view.GuardSource, Message: fmt.Sprintf(
				"cluster %s answers: it was heard of %s ago. A relocate of each application loses nothing. If the cluster is lost to you all the same, say so with --source-is-down",
				from, duration.HumanDuration(c.Heard.Duration()))}
		}
	}
	return nil
}

// Answers says why no further wave may begin: the cluster that was given up answers again; nil: it does not, or the user knows.
func Answers(around *view.Snapshot, s *view.Site) *view.Refusal {
	if s.Request.SourceIsDown {
		return nil
	}
	return answers(around.Heading("", []string{s.From}).Clusters, s.From)
}

// member is an application with its home on the cluster; nil: it has its home elsewhere.
func member(d *view.Detail, from string, r view.SiteRequest, foresee Foresee, ids *[]string) (*view.SiteApplication, error) {
	drpc := &d.Applications[0]
	e := view.Explain(d)
	if e.Application.Home != from {
		return nil, nil
	}
	out := &view.SiteApplication{Namespace: drpc.Namespace, Name: drpc.Name, UID: drpc.UID, State: view.SitePending}
	o, reason, next := Order(d, from, r)
	if o != nil {
		out.To, out.Loses, out.Takes = o.To, o.Loses, view.TakesOf(drpc, o.Operation)
	}
	if reason != "" {
		out.State, out.Reason, out.Next = view.SiteLeftOut, reason, next
		return out, nil
	}
	if o.Already != "" {
		out.State = view.SiteBegun
		return out, nil
	}
	if foresee == nil {
		return out, nil
	}
	f, err := foresee(d, o)
	if err != nil || f == nil {
		return out, err
	}
	*ids = append(*ids, f.ID)
	if w := f.WaitsFor; w != nil {
		out.Reason = Said(w.Message)
		if w.You || !f.Runs && w.Cluster == from {
			out.State, out.Next = view.SiteLeftOut, command("plan failover", drpc)
		}
	}
	return out, nil
}

// Order is the order for an application of a site failover, or the reason why it can't go, and the command that helps.
func Order(d *view.Detail, from string, r view.SiteRequest) (o *view.Order, reason, next string) {
	drpc := &d.Applications[0]
	request := order.Request{Action: v1alpha1.ActionFailover, To: r.To, SourceIsDown: true, EvenIfGit: r.EvenIfGit, Reason: r.Reason}
	if r.MaxLossSeconds != nil {
		limit := time.Duration(*r.MaxLossSeconds) * time.Second
		request.MaxLoss = &limit
	}
	if drpc.DeletionTimestamp != nil {
		return nil, "its protection is being ended", command("why", drpc)
	}
	if r.To == from {
		return nil, fmt.Sprintf("%s is the cluster that is given up", from), ""
	}
	o, err := order.For(d, request)
	switch {
	case err != nil:
		return nil, Said(err.Error()), command("why", drpc)
	case len(o.Refusals) > 0:
		return o, Said(o.Refusals[0].Message), command("failover", drpc)
	case o.Application.State == view.NeedsYou:
		return o, "it waits for you: " + Said(o.Application.Message), command("why", drpc)
	case o.Already != "":
		return o, "", ""
	case o.Loses == nil:
		return o, fmt.Sprintf("it is not known that any data ever came to %s: it would find nothing to restore", o.To), command("failover", drpc)
	}
	for _, c := range o.Clusters {
		if c.Name == o.To && (c.State == view.ClusterLost || c.State == view.ClusterNever) {
			return o, o.Warnings[len(o.Warnings)-1], command("failover", drpc)
		}
	}
	return o, "", ""
}

func stalled(drpc *v1alpha1.DRPlacementControl) bool {
	return slices.ContainsFunc(drpc.Status.Conditions, func(c metav1.Condition) bool {
		return c.Type == v1alpha1.ConditionStalled && c.Status == "True"
	})
}

// waveOf is the wave of an application. What is no number counts as none: a slip must not keep it from going.
func waveOf(drpc *v1alpha1.DRPlacementControl) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(drpc.Annotations[v1alpha1.AnnotationFailoverWave]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Said bounds what is repeated of a message: a thousand of them must fit into one object.
func Said(message string) string {
	const most = 240
	if r := []rune(message); len(r) > most {
		return string(r[:most-3]) + "..."
	}
	return message
}

func command(verb string, drpc *v1alpha1.DRPlacementControl) string {
	return fmt.Sprintf("kubectl ramen-direct %s %s -n %s", verb, drpc.Name, drpc.Namespace)
}

// idOf names what a plan was computed from: the facts about each application, the waves and what was left out.
func idOf(s *view.Site, ids []string) string {
	slices.Sort(ids)
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %q %v\n", s.From, s.Request.To, ids)
	s.Each(func(w *view.Wave, a *view.SiteApplication) { fmt.Fprintf(sum, "%d %s %s\n", w.Number, a.UID, a.To) })
	for _, a := range s.LeftOut {
		fmt.Fprintf(sum, "- %s\n", a.UID)
	}
	return hex.EncodeToString(sum.Sum(nil)[:4])
}
