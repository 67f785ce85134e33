// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/ramendr/ramen-direct/cli/view"
)

// History prints the latest operations of an application, and the steps of the newest; wide: those of all.
func (p *Page) History(h *view.History, wide bool) error {
	p.head(&h.Head)
	if len(h.Items) == 0 {
		p.paragraph("", fmt.Sprintf("The hub remembers no operation of %s/%s.", h.Namespace, h.Name))
		return p.err
	}
	columns := []column{{"BEGAN", true}, {"OPERATION", true}, {"ENDED AS", true}, {"RAN AFTER", false}, {"TOOK", false}, {"LOST AT MOST", true}, {"ASKED FOR BY", false}}
	var rows [][]cell
	for i := range h.Items {
		o := &h.Items[i]
		rows = append(rows, []cell{
			{text: o.Started.Time.UTC().Format(time.RFC3339)}, {text: moved(o)}, {text: outcome(o)},
			{text: seconds(o.ReadySeconds)}, {text: seconds(o.TookSeconds)}, {text: seconds(o.LostSeconds)}, {text: dash(o.RequestedBy)},
		})
	}
	p.table(columns, rows)
	for i := range h.Items {
		o := &h.Items[i]
		if o.Reason == "" && (i > 0 && !wide || len(o.Steps) == 0) {
			continue
		}
		p.line()
		p.paragraph("", fmt.Sprintf("%s of %s%s", moved(o), o.Started.Time.UTC().Format(time.RFC3339), and(": ", o.Reason)))
		if i > 0 && !wide {
			continue
		}
		for _, s := range o.Steps {
			now := ""
			if s.UnderWay {
				now = ", and it is in this step now"
			}
			p.line("  ", Clean(fmt.Sprintf("%-34s %s%s", s.Progression, short(s.Seconds), now)))
		}
	}
	return p.err
}

func moved(o *view.HistoryItem) string {
	if o.From == "" || o.From == o.To {
		return o.Action + and(" on ", o.To)
	}
	return fmt.Sprintf("%s %s -> %s", o.Action, o.From, dash(o.To))
}

func outcome(o *view.HistoryItem) string {
	if o.Outcome == "" {
		return "under way"
	}
	return o.Outcome
}

func seconds(n *int64) string {
	if n == nil {
		return "-"
	}
	return short(*n)
}

func short(n int64) string { return duration.HumanDuration(time.Duration(n) * time.Second) }
