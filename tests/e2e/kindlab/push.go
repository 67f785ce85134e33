// SPDX-License-Identifier: Apache-2.0

package kindlab

import (
	"context"
	"fmt"

	"github.com/ramendr/ramen-direct/tests/lab"
)

// pushMirror is the Deployment of the mirror that runs on the hub.
const pushMirror = "mirror-push"

// Push lets the mirror on the hub keep the link of a cluster, instead of the one on the cluster: docs/mirror.md.
func (l *Lab) Push(ctx context.Context, spoke string) error {
	l.log("cluster %s: connect from the hub", spoke)
	for _, step := range []struct {
		at   string
		args []string
	}{
		{spoke, []string{"-n", lab.Namespace, "delete", "deploy/mirror", "pdb/mirror", "networkpolicy/mirror", "secret/mirror-" + spoke}},
		{spoke, []string{"-n", lab.Namespace, "delete", "role/ramen-mirror", "rolebinding/ramen-mirror"}},
		{spoke, []string{"-n", lab.Namespace, "wait", "--for=delete", "--timeout=2m", "pod", "-l", "app.kubernetes.io/name=mirror"}},
		{spoke, []string{"apply", "--server-side", "-f", "dist/install-spoke-push.yaml"}},
		{lab.Hub, []string{"apply", "--server-side", "-f", "dist/install-mirror-push.yaml"}},
	} {
		if err := l.kubectl(ctx, step.at, step.args...); err != nil {
			return fmt.Errorf("connect %s from the hub: %w", spoke, err)
		}
	}
	if err := l.refresh(ctx, lab.Hub); err != nil {
		return fmt.Errorf("connect %s from the hub: %w", spoke, err)
	}
	secret, err := l.run(ctx, "", "go", "run", "./cmd/mirror", "credentials", "--mode", "push",
		"--cluster", spoke, "--context", contextOf(spoke), "--server", "https://"+nodeOf(spoke)+":6443")
	if err != nil {
		return fmt.Errorf("connect %s from the hub: %w", spoke, err)
	}
	if _, err := l.run(ctx, secret, "kubectl", "--context", contextOf(lab.Hub), "apply", "-f", "-"); err != nil {
		return fmt.Errorf("connect %s from the hub: %w", spoke, err)
	}
	return l.kubectl(ctx, lab.Hub, "-n", lab.Namespace, "rollout", "status", "deploy/"+pushMirror, "--timeout=5m")
}

// Pull undoes Push.
func (l *Lab) Pull(ctx context.Context, spoke string) error {
	l.log("cluster %s: connect to the hub", spoke)
	for _, step := range []struct {
		at   string
		args []string
	}{
		{lab.Hub, []string{"-n", lab.Namespace, "delete", "--ignore-not-found", "secret/mirror-" + spoke}},
		{lab.Hub, []string{"delete", "--ignore-not-found", "-f", "dist/install-mirror-push.yaml"}},
		{lab.Hub, []string{"-n", lab.Namespace, "wait", "--for=delete", "--timeout=2m", "pod", "-l", "app.kubernetes.io/name=" + pushMirror}},
		{spoke, []string{"-n", lab.Namespace, "delete", "--ignore-not-found", "role/ramen-mirror-token", "rolebinding/ramen-mirror-token"}},
		{spoke, []string{"apply", "--server-side", "-f", "dist/install-spoke.yaml"}},
	} {
		if err := l.kubectl(ctx, step.at, step.args...); err != nil {
			return fmt.Errorf("connect %s to the hub: %w", spoke, err)
		}
	}
	if err := l.refresh(ctx, spoke); err != nil {
		return fmt.Errorf("connect %s to the hub: %w", spoke, err)
	}
	if err := l.connectMirror(ctx, spoke); err != nil {
		return err
	}
	return l.works(ctx)
}
