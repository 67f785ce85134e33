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

// end disconnects the cluster: first the DRCluster goes, for which the mirror removes the Secrets that the cluster was given, and
// with it the access to the hub; then the Secret of the mirror, which it needs until then.
func (o *connecting) end(ctx context.Context) error {
	if err := hub.Needs(ctx, o.hub, o.site); err != nil {
		return err
	}
	o.told = order.Disconnect(o.site, o.revoke, o.request.EvenIfGit)
	switch {
	case o.site.DRCluster() == nil:
		return o.nothingButSecret(ctx)
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
	dc := doomed{o.site.DRCluster(), "DRCluster " + o.site.Name, "hub", o.hub}
	switch {
	case o.revoke:
		if err := o.drop(ctx, append(o.access(), o.held()...)...); err != nil {
			return err
		}
		o.told.Outcome = view.OutcomeDone
	case o.dryRun != "none":
		if err := o.drop(ctx, append([]doomed{dc}, o.last()...)...); err != nil {
			return err
		}
	default:
		if err := o.drop(ctx, dc); err != nil {
			return err
		}
	}
	switch {
	case o.dryRun != "none":
		o.told.Outcome = view.OutcomeDryRun
		return nil
	case o.revoke && o.told.StillAccepted != "":
		return &exit{code: ExitProblem}
	case o.revoke:
		return nil
	}
	for _, s := range o.held() {
		o.told.Remains = s.what + " on the " + s.where
	}
	o.told.Outcome = view.OutcomeBegun
	if !o.wait {
		return nil
	}
	err := o.follow(ctx, func(dc *v1alpha1.DRCluster) (view.Outcome, *metav1.Condition, error) {
		if dc == nil || dc.UID != o.site.DRCluster().UID {
			return view.OutcomeDone, nil, nil
		}
		return "", meta.FindStatusCondition(dc.Status.Conditions, v1alpha1.ConditionDeletionBlocked), nil
	})
	if err != nil {
		return err
	}
	o.told.Remains = ""
	return o.drop(ctx, o.last()...)
}

// nothingButSecret ends what an earlier run began: there is no DRCluster any more.
func (o *connecting) nothingButSecret(ctx context.Context) error {
	o.told.Outcome = view.OutcomeNothing
	if err := o.drop(ctx, o.last()...); err != nil || len(o.told.Changes) == 0 {
		return err
	}
	if o.told.Outcome = view.OutcomeDone; o.dryRun != "none" {
		o.told.Outcome = view.OutcomeDryRun
	}
	return nil
}

// doomed is an object that is to be deleted.
type doomed struct {
	of    client.Object
	what  string
	where string
	at    *hub.Hub
}

// access is what the access of the mirror is bound to, if that end can be reached: the hub, or in push mode the cluster.
func (o *connecting) access() []doomed {
	if !o.site.Pushes {
		return []doomed{secretAt(o.hub, "hub", exchange.Inbox(o.site.Name), exchange.SecretCredential)}
	}
	if o.cluster == nil {
		return nil
	}
	return []doomed{secretAt(o.cluster, "cluster", o.commands.system, exchange.SecretCredential)}
}

// held is the Secret of the mirror, if that end can be reached: the cluster, or in push mode the hub.
func (o *connecting) held() []doomed {
	name := grant.SecretName(o.site.Name)
	switch {
	case o.site.Pushes:
		return []doomed{secretAt(o.hub, "hub", o.commands.system, name)}
	case o.cluster == nil:
		return nil
	}
	return []doomed{secretAt(o.cluster, "cluster", o.commands.system, name)}
}

// last is what is deleted when the DRCluster is gone. In pull mode the hub has taken the access back by then.
func (o *connecting) last() []doomed {
	if o.site.Pushes {
		return append(o.held(), o.access()...)
	}
	return o.held()
}

func secretAt(at *hub.Hub, where, namespace, name string) doomed {
	return doomed{&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}, fmt.Sprintf("Secret %s/%s", namespace, name), where, at}
}

// drop deletes objects, in this order; of a dry run only what the mode says.
func (o *connecting) drop(ctx context.Context, all ...doomed) error {
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
