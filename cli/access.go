// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/grant"
)

// modes are the values of --mode.
var modes = []string{"pull", "push"}

// push reports whether the mirror is to run on the hub.
func (o *connecting) push() bool { return o.mode == modes[1] }

func (o *connecting) checkMode() error {
	switch {
	case o.mode != "" && !slices.Contains(modes, o.mode):
		return fmt.Errorf("--mode=%s is not known: choose %s", o.mode, strings.Join(modes, ", "))
	case o.push() && o.context == "":
		return errors.New("--mode=push needs --cluster-context: the cluster is asked for the token by which the hub reaches it")
	case o.push() && o.files[0] != "":
		return errors.New("--certificate-authority-of-hub is for --mode=pull: with --mode=push the mirror has to know the cluster, by --certificate-authority-of-cluster")
	case !o.push() && o.files[1] != "":
		return errors.New("--certificate-authority-of-cluster is for --mode=push: with --mode=pull the mirror has to know the hub, by --certificate-authority-of-hub")
	}
	return nil
}

// way is how a mirror gets to the other end of its link.
type way struct {
	grant.Grant
	// from is the end that accepts the token, and to the one where the mirror runs and its Secret lies; nil: that is printed.
	from, to *hub.Hub
	// where is what to is called.
	where string
}

// way is the one of the mode that the user asks for.
func (o *connecting) way() (way, error) {
	out := way{Grant: grant.Pull(o.site.Name, o.commands.system), from: o.hub, to: o.cluster, where: "cluster"}
	file, flag := o.files[0], "certificate-authority-of-hub"
	if o.push() {
		out = way{Grant: grant.Push(o.site.Name, o.commands.system), from: o.cluster, to: o.hub, where: "hub"}
		file, flag = o.files[1], "certificate-authority-of-cluster"
	}
	out.Server = o.server
	if file == "" {
		return out, nil
	}
	var err error
	if out.Authorities, err = os.ReadFile(file); err != nil { //nolint:gosec // the file that the user of the program names
		return out, fmt.Errorf("read --%s: %w", flag, err)
	}
	if err := grant.Authorities(out.Authorities); err != nil {
		return out, fmt.Errorf("read --%s: file %s: %w", flag, file, err)
	}
	return out, nil
}

// give gives the mirror access, unless it has one that counts.
func (o *connecting) give(ctx context.Context, way way) error {
	bound, err := o.binding(ctx)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("Secret %s/%s", o.commands.system, grant.SecretName(o.site.Name))
	var held *corev1.Secret
	if way.to != nil {
		if held, err = hub.ClusterSecret(ctx, way.to, o.site.Name); err != nil {
			return err
		}
	}
	if held != nil && !o.renew {
		counts, err := way.Holds(held, way.from.Config(), bound, o.hub.Now())
		if err != nil {
			return err
		}
		if counts {
			o.told.Change(what, way.where, view.Kept)
			return nil
		}
	}
	given, err := way.Give(ctx, way.from.Config(), o.commands.env.Clock, func(format string, args ...any) {
		_ = o.talk.Note(fmt.Sprintf(format, args...)) // only for information
	})
	if err != nil {
		return err
	}
	if !given.Expires.IsZero() {
		expires := metav1.NewTime(given.Expires.UTC())
		o.told.TokenExpires = &expires
	}
	switch {
	case way.to == nil:
		o.told.Change(what, way.where, view.Printed)
		return o.printSecret(given.Secret)
	case held == nil:
		o.told.Change(what, way.where, view.Created)
	default:
		o.told.Change(what, way.where, view.Replaced)
	}
	return hub.PutSecret(ctx, way.to, held, given.Secret)
}

// binding is what the tokens of the mirror are bound to; empty: it was deleted to take access back. On the hub its controller makes
// it, for which this waits; on a cluster the installation does.
func (o *connecting) binding(ctx context.Context) (types.UID, error) {
	if o.push() {
		return hub.Binding(ctx, o.cluster, o.commands.system)
	}
	limit, stop := o.within(ctx, o.timeout)
	defer stop()
	bound, err := hub.Identity(limit, o.hub, o.site.Name)
	switch {
	case ctx.Err() != nil:
		return "", &exit{code: ExitInterrupted, err: errors.New("interrupted: the DRCluster stays, and its mirror has no access yet")}
	case limit.Err() != nil:
		return "", &exit{code: ExitTimeout, err: fmt.Errorf("the hub has not made ServiceAccount %s/%s yet: see whether its controller runs, and run the command again", exchange.Inbox(o.site.Name), exchange.ServiceAccount)}
	}
	return bound, err
}
