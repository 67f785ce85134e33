// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"strings"
	"testing"

	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/cli"
	"github.com/ramendr/ramen-direct/tests/lab"
)

// plugin runs a command of kubectl ramen-direct against the hub, as a script does.
func plugin(t *testing.T, l *lab.Lab, args ...string) (out string, code int) {
	t.Helper()
	return pluginOn(t, l, lab.Hub, args...)
}

// pluginOn runs a command of somebody who has only the kubeconfig of one cluster.
func pluginOn(t *testing.T, l *lab.Lab, cluster string, args ...string) (out string, code int) {
	t.Helper()
	var text strings.Builder
	env := cli.Env{In: strings.NewReader(""), Out: &text, Err: &text, Clock: clock.RealClock{}}
	code = cli.Run(t.Context(), env, append([]string{"kubectl-ramen_direct", "--kubeconfig", l.Cluster(cluster).Kubeconfig}, args...))
	t.Logf("$ kubectl ramen-direct %s\n%s[%d]", strings.Join(args, " "), text.String(), code)
	return text.String(), code
}
