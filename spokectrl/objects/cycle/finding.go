// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"fmt"
	"maps"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
)

// Finding is what condition KubeObjectsReady says.
type Finding struct {
	Status          metav1.ConditionStatus
	Reason, Message string
}

// Reasons of KubeObjectsReady. While a restore is under way, or fails, the reason is one of the first two.
const (
	ReasonProgressing  = "Progressing"
	ReasonError        = "Error"
	ReasonRestored     = "Restored"
	ReasonNotCaptured  = "NotCaptured"
	ReasonOverdue      = "CaptureOverdue"
	ReasonCaptured     = "Captured"
	ReasonIncomplete   = "CaptureIncomplete"
	ReasonNotSupported = "NotSupported"
)

func no(reason, message string) Finding { return Finding{metav1.ConditionFalse, reason, message} }

func yes(reason, message string) Finding { return Finding{metav1.ConditionTrue, reason, message} }

// AnnotationSkip on a group, with its epoch, ends a restore without what is missing.
const AnnotationSkip = "objects.ramendr.openshift.io/skip-missing"

// OfRestore says how a restore gets on that is not noted as done yet.
func OfRestore(w *Want, s *Standing) Finding {
	switch {
	case s.Restored != nil:
		return no(ReasonProgressing, "the Kubernetes objects are restored")
	case s.Failure != nil:
		return no(ReasonError, fmt.Sprintf("the Kubernetes objects are not all restored: %s. It is tried again, at the latest after %s; to continue without what is missing: kubectl -n %s annotate vrg %s %s=%d",
			bounded.Text(strings.TrimRight(s.Failure.Error(), ". "), bounded.Message/2), longestPause, w.Group.Namespace, w.Group.Name, AnnotationSkip, w.Term.Epoch))
	default:
		return no(ReasonProgressing, "the Kubernetes objects are being restored"+s.Waiting())
	}
}

// OfCaptures says how old the last capture is, and what it lacks.
func OfCaptures(w *Want, s *Standing, now time.Time) Finding {
	restored := ""
	if s.Restored != nil {
		restored = "; " + s.Restored.String()
	}
	late := !now.Before(s.overdueAt(w.Interval)) || s.Failure != nil && (s.Last == nil || now.Sub(s.Last.Pointer.Start) >= Overdue*w.Interval)
	trouble := ""
	if s.Failure != nil {
		trouble = "; the last attempt failed: " + bounded.Text(s.Failure.Error(), bounded.Message/4)
	}
	if s.Awaits(w, now) {
		restored += "; another capture is made before the application leaves"
	}
	restored += s.Waiting()
	switch {
	case s.Denied:
		return no(ReasonNotSupported, bounded.Text(s.Failure.Error(), bounded.Message/4)+s.lastly()+restored)
	case s.Last == nil && s.Failure != nil:
		return no(ReasonNotCaptured, "the Kubernetes objects were never captured"+trouble+restored)
	case s.Last == nil:
		return no(ReasonNotCaptured, "the Kubernetes objects were not captured yet"+restored)
	case late:
		return no(ReasonOverdue, fmt.Sprintf("the Kubernetes objects were last captured %s ago, at %s, and are to be captured every %s%s%s",
			age(now.Sub(s.Last.Pointer.Start)), moment(s.Last.Pointer.Start), w.Interval, trouble, restored))
	case !w.shared():
		return no(ReasonNotCaptured, "only this cluster could read a capture, since the hub has not told the key of the peer yet: the objects are captured when it has. "+
			"Look at condition Connected of the DRCluster of the peer if that takes long")
	case !s.Last.Has(nil, w.Readers):
		return no(ReasonNotCaptured, "the last capture was made before the key of the peer was known, which can't read it: another one comes next"+trouble+restored)
	case s.Findings.Count[objects.NotRead] > 0:
		return no(ReasonIncomplete, s.unreadable()+s.captured()+w.notes()+trouble+restored)
	default:
		return yes(ReasonCaptured, s.captured()+w.notes()+trouble+restored)
	}
}

// OfPause is what is said while nothing is captured because the application leaves.
func OfPause(w *Want, s *Standing) Finding {
	left := *w
	if left.For = s.Asked; !s.fresh(&left) && !s.Denied {
		why := "it took longer"
		if s.Failure != nil {
			why = bounded.Text(s.Failure.Error(), bounded.Message/4)
		}
		return no(ReasonOverdue, fmt.Sprintf("the application leaves without what was changed in its Kubernetes objects since the last capture, for another one could not be made within %s: %s%s", Fresh, why, s.lastly()))
	}
	switch {
	case s.Denied:
		return no(ReasonNotSupported, bounded.Text(s.Failure.Error(), bounded.Message/4)+s.lastly())
	case s.Last == nil:
		return no(ReasonNotCaptured, "the application leaves, and its Kubernetes objects were never captured")
	case s.Findings.Count[objects.NotRead] > 0:
		return no(ReasonIncomplete, s.unreadable()+"nothing is captured while the application leaves"+s.lastly())
	default:
		return yes(ReasonCaptured, "nothing is captured while the application leaves"+s.lastly())
	}
}

func (s *Standing) lastly() string {
	if s.Last == nil {
		return ""
	}
	return "; the last capture is of " + moment(s.Last.Pointer.Start)
}

func (s *Standing) captured() string {
	out := fmt.Sprintf("captured at %s, in %s", moment(s.Last.Pointer.Start), strings.Join(s.Last.Profiles, ", "))
	if s.Objects > 0 {
		out = fmt.Sprintf("%d objects were %s", s.Objects, out)
	}
	if err := s.Problems.Err(); err != nil {
		out += "; not stored everywhere: " + bounded.Text(err.Error(), bounded.Quote)
	}
	left := s.Findings
	left.Count = maps.Clone(left.Count)
	delete(left.Count, objects.NotRead) // which comes first
	return out + partly(s.Partly) + told(left)
}

// Lacks reports whether there is something to tell of a restore.
func (r *Restored) Lacks() bool {
	return r.Skipped || r.Partly != nil || r.Note != "" || len(r.Findings.Count) > 0 || r.Captured.Count[objects.NotRead] > 0 || r.Problems.Err() != nil
}

// String tells what a restore did, as a part of a sentence.
func (r *Restored) String() string {
	switch {
	case r.Skipped:
		return "the restore was ended by annotation, without what was missing"
	case r.From == nil:
		return "there was nothing to restore: no store has a capture"
	}
	out := fmt.Sprintf("%d objects were restored from the capture of %s in %s", r.Objects, moment(r.From.Start), r.Profile)
	if err := r.Problems.Err(); err != nil {
		out += "; what these stores hold may be newer: " + bounded.Text(err.Error(), bounded.Quote)
	}
	if r.Note != "" {
		out += "; " + r.Note
	}
	out += partly(r.Partly) + told(r.Findings)
	if holes := told(r.Captured); holes != "" {
		out += "; when it was captured" + strings.Replace(holes, ";", ",", 1)
	}
	return out
}

// partly says what a capture or a restore lacks.
func partly(err error) string {
	if err == nil {
		return ""
	}
	return "; without groups that are not essential: " + bounded.Text(strings.ReplaceAll(err.Error(), "\n", "; "), bounded.Quote)
}

// told puts what was found into words, reason by reason.
func told(f objects.Findings) string {
	var out strings.Builder
	for _, r := range []struct {
		reason objects.Reason
		words  string
	}{
		{objects.Kept, "exist and were kept as they are"},
		{objects.Gone, "were restored, are gone since, and are not made a second time"},
		{objects.OwnerGone, "were made without an owner"},
		{objects.NotRead, "could not be read"},
		{objects.NotAtOnce, "were read at another moment than the rest"},
		{objects.LeftOut, "were left out"},
		{objects.NoBefore, "earlier capture can't be used, so it is not known whether a type that it had is not served any more"},
	} {
		if n := f.Count[r.reason]; n > 0 {
			fmt.Fprintf(&out, "; %d %s: %s", n, r.words, listed(f, r.reason, n))
		}
	}
	return out.String()
}

// listed names some of n findings of a reason.
func listed(f objects.Findings, of objects.Reason, n int) string {
	var names []string
	for _, one := range f.List {
		if one.Reason != of {
			continue
		}
		text := one.Object
		if of != objects.Kept {
			text = one.String()
		}
		if len(names) < bounded.Names {
			names = append(names, bounded.Text(text, bounded.Quote/4))
		}
	}
	out := strings.Join(names, "; ")
	if rest := n - len(names); rest > 0 {
		out += fmt.Sprintf("; and %d more", rest)
	}
	return out
}

// age is rounded, so that it does not change with each look.
func age(d time.Duration) time.Duration {
	if d >= 2*time.Minute {
		return d.Truncate(time.Minute)
	}
	return d.Truncate(time.Second)
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }
