// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/maintenance/modes"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/bounded"
)

// explainStorage says which maintenance mode a failover waits for.
func explainStorage(w *snapshot.Snapshot, at *snapshot.Side) Words {
	if len(w.Storage.Lacks) == 0 {
		return Words{Fact: "StorageReady", message: fmt.Sprintf("cluster %s has not reported its storage classes, so it is not known which maintenance modes a failover needs", at.Cluster),
			next: fmt.Sprintf("the operation continues automatically when spokectrl on %s has reported them: kubectl get drclusterconfig %s -o yaml", at.Cluster, at.Cluster)}
	}
	lack := &w.Storage.Lacks[0]
	message := fmt.Sprintf("the storage of cluster %s is not in the maintenance mode that a failover needs: driver %s, target %s: %s", at.Cluster, lack.Provisioner, lack.TargetID, modeState(lack))
	if more := len(w.Storage.Lacks) - 1; more > 0 {
		message += fmt.Sprintf("; and %d more", more)
	}
	out := Words{Fact: "StorageReady", message: message,
		next: fmt.Sprintf("the operation continues automatically when the storage's operator has set FailoverActivated: kubectl --context %s get maintenancemode %s -o yaml", at.Cluster, lack.Name())}
	if lack.Request != nil {
		out.since = lack.Request.RequestedTime.Time
	}
	return out
}

// modeState says how far a mode is. Times are left to the field that tells since when.
func modeState(lack *modes.Lack) string {
	a := lack.Answer
	switch {
	case lack.Request == nil:
		return "it is not asked for yet"
	case a == nil:
		return fmt.Sprintf("asked for since %s, the cluster has not answered yet", lack.Request.RequestedTime.UTC().Format(time.RFC3339))
	case a.Message != "":
		return bounded.Text(a.Message, bounded.Quote)
	}
	asked := fmt.Sprintf("asked for since %s", a.RequestedTime.UTC().Format(time.RFC3339))
	c := meta.FindStatusCondition(a.Conditions, v1alpha1.ConditionFailoverActivated)
	switch {
	case a.ObservedGeneration != 0 && a.ObservedGeneration != a.Generation:
		return asked + ", the storage's operator has not looked at the latest request yet"
	case c == nil && a.State == "":
		return asked + ", no operator of the storage has answered yet"
	case c == nil:
		return fmt.Sprintf("%s, its state is %s", asked, a.State)
	case a.State == "":
		return fmt.Sprintf("%s, FailoverActivated is %s, %s", asked, c.Status, conditionText(c))
	default:
		return fmt.Sprintf("%s, its state is %s, FailoverActivated is %s, %s", asked, a.State, c.Status, conditionText(c))
	}
}
