// SPDX-License-Identifier: Apache-2.0

package site

import (
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/view"
)

// Judge says how far an application has come by its object, which decides: the record is only what was so when it was written.
// drpc nil: there is no such application. Run is the id of the run.
func Judge(a *view.SiteApplication, drpc *v1alpha1.DRPlacementControl, run string) {
	if a.State == view.SiteLeftOut {
		return
	}
	was := a.State
	a.Reason, a.Next = "", ""
	if drpc == nil || drpc.UID != a.UID || drpc.DeletionTimestamp != nil {
		a.State, a.Reason = view.SiteGone, "its protection was ended, or begun again, meanwhile"
		return
	}
	st := &drpc.Status
	asks := drpc.Spec.Action == v1alpha1.ActionFailover && drpc.Spec.FailoverCluster == a.To
	seen := st.ObservedGeneration == drpc.Generation
	switch {
	case !asks && was == view.SiteDone:
		return // what was done with it later is another matter
	case !asks && (was != view.SitePending || drpc.Annotations[v1alpha1.AnnotationSiteFailover] == run):
		a.State, a.Reason, a.Next = view.SiteTakenBack, "somebody has changed its spec since it was begun", command("why", drpc)
		return
	case !asks:
		a.State = view.SitePending
		return
	case order.Reached(drpc, &view.Order{Operation: view.Failover, To: a.To}):
		a.State = view.SiteDone
		return
	case seen && stalled(drpc):
		a.State = view.SiteNeedsYou
	default:
		a.State = view.SiteBegun
	}
	a.Next = command("why", drpc)
	if w := st.Waiting; w != nil && seen {
		a.Reason = Said(strings.TrimPrefix(w.Cluster+": "+w.Fact+": "+w.Message, ": "))
	}
}

// Update judges all applications of a run by a look at the hub.
func Update(s *view.Site, around *view.Snapshot) {
	now := map[types.NamespacedName]*v1alpha1.DRPlacementControl{}
	for i := range around.Applications {
		now[types.NamespacedName{Namespace: around.Applications[i].Namespace, Name: around.Applications[i].Name}] = &around.Applications[i]
	}
	s.Each(func(_ *view.Wave, a *view.SiteApplication) {
		Judge(a, now[types.NamespacedName{Namespace: a.Namespace, Name: a.Name}], s.Run.ID)
	})
	var names []string
	for i := range s.Clusters {
		names = append(names, s.Clusters[i].Name)
	}
	s.Head = around.Heading(s.Kind, names)
}

// Resume makes an unfinished run ready to continue: what was left out by its waves is tried again, because what stood in its way
// may be gone.
func Resume(s *view.Site, r view.SiteRequest, around *view.Snapshot) {
	s.Request, s.Refusals, s.Outcome = r, nil, ""
	s.Each(func(_ *view.Wave, a *view.SiteApplication) {
		if a.State == view.SiteLeftOut {
			a.State = view.SitePending
		}
	})
	Update(s, around)
	if why := Answers(around, s); why != nil && s.Count()[view.SitePending] > 0 {
		s.Refusals = append(s.Refusals, *why)
	}
}

// Find is an application of a site failover and its wave; nil: it is in none.
func Find(s *view.Site, namespace, name string) (*view.Wave, *view.SiteApplication) {
	var wave *view.Wave
	var found *view.SiteApplication
	s.Each(func(w *view.Wave, a *view.SiteApplication) {
		if a.Namespace == namespace && a.Name == name {
			wave, found = w, a
		}
	})
	return wave, found
}
