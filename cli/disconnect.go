// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/grant"
)

// end disconnects the cluster: first the access goes, then the DRCluster.
func (o *connecting) end(ctx context.Context) error {
	if err := hub.Needs(ctx, o.hub, o.site); err != nil {
		return err
	}
	o.told = order.Disconnect(o.site, o.revoke, o.request.EvenIfGit)
	switch {
	case o.site.DRCluster() == nil:
		o.told.Outcome = view.OutcomeNothing
		return nil
	case len(o.told.Refusals) > 0:
		o.told.Outcome = view.OutcomeRefused
		return &exit{code: ExitRefused}
	}
	if o.dryRun == "none" && !o.yes {
		if err := o.talk.Disconnecting(o.told); err != nil {
			return err
		}
		ok, err := o.ask(ctx, o.site.Name, "Type the name of the cluster to go on: ")
		if err != nil {
			return err
		}
		if !ok {
			o.told.Outcome = view.OutcomeNotConfirmed
			return &exit{code: ExitRefused}
		}
	}
	if err := o.takeBack(ctx); err != nil {
		return err
	}
	switch {
	case o.dryRun != "none":
		o.told.Outcome = view.OutcomeDryRun
		return nil
	case o.revoke:
		o.told.Outcome = view.OutcomeDone
		return nil
	}
	o.told.Outcome = view.OutcomeBegun
	if !o.wait {
		return nil
	}
	return o.follow(ctx, func(dc *v1alpha1.DRCluster) (view.Outcome, *metav1.Condition, error) {
		if dc == nil || dc.UID != o.site.DRCluster().UID {
			return view.OutcomeDone, nil, nil
		}
		return "", meta.FindStatusCondition(dc.Status.Conditions, v1alpha1.ConditionDeletionBlocked), nil
	})
}

// takeBack deletes what gives the mirror access, and then the DRCluster, unless only the access is to go.
func (o *connecting) takeBack(ctx context.Context) error {
	type doomed struct {
		of    client.Object
		what  string
		where string
		at    *hub.Hub
	}
	inbox := metav1.ObjectMeta{Namespace: exchange.Inbox(o.site.Name), Name: exchange.SecretCredential}
	all := []doomed{{&corev1.Secret{ObjectMeta: inbox}, fmt.Sprintf("Secret %s/%s", inbox.Namespace, inbox.Name), "hub", o.hub}}
	if o.cluster != nil {
		held := metav1.ObjectMeta{Namespace: o.commands.system, Name: grant.SecretName(o.site.Name)}
		all = append(all, doomed{&corev1.Secret{ObjectMeta: held}, fmt.Sprintf("Secret %s/%s", held.Namespace, held.Name), "cluster", o.cluster})
	}
	if !o.revoke {
		all = append(all, doomed{o.site.DRCluster(), "DRCluster " + o.site.Name, "hub", o.hub})
	}
	for _, d := range all {
		was := true
		if o.dryRun != "client" {
			var err error
			if was, err = hub.Remove(ctx, d.at, d.of, o.dryRun == "server"); err != nil {
				return err
			}
		}
		if was {
			o.told.Change(d.what, d.where, view.Deleted)
		}
	}
	return nil
}
