// SPDX-License-Identifier: Apache-2.0

package actors

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

// logLines is how many of the last lines about an application are shown of each log.
const logLines = 12

// trouble tells what an application that is not settled waits for: its wishes, what is on the clusters, and what the
// controllers logged about it last. It is empty if the application is settled or gone.
func (a *Actor) trouble(ctx context.Context) string {
	drpc, err := a.App.Control(ctx)
	if err != nil || drpc.Status.Waiting == nil && drpc.DeletionTimestamp == nil {
		return ""
	}
	var out strings.Builder
	show := func(cluster string, args ...string) {
		text, err := labtest.Kubectl(ctx, a.Lab, cluster, "", args...)
		if err != nil {
			text = err.Error()
		}
		fmt.Fprintf(&out, "on %s, kubectl %s:\n%s\n", cluster, strings.Join(args, " "), text)
	}
	key := a.App.Key()
	for _, cluster := range lab.Spokes() {
		show(lab.Hub, "get", "vrg", "-n", exchange.Outbox(cluster), exchange.ObjectName(key.Namespace, key.Name), "-o",
			`jsonpath={.metadata.generation} deleted {.metadata.deletionTimestamp} {range .status.conditions[*]}{.type}={.status} {.reason} of {.observedGeneration}; {end}`)
		show(cluster, "get", "vrg,volumereplication,replicationsource,replicationdestination,pvc,pod", "-n", key.Namespace, "-o", "wide")
	}
	logs, _ := filepath.Glob(filepath.Join(a.Lab.LogDir(), "*.log"))
	for _, name := range logs {
		if last := linesAbout(name, key.Namespace); len(last) > 0 {
			fmt.Fprintf(&out, "%s:\n%s\n", filepath.Base(name), strings.Join(last, "\n"))
		}
	}
	return out.String()
}

// linesAbout are the last lines of a log that hold the text. What can't be read is left out.
func linesAbout(log, text string) []string {
	file, err := os.Open(log)
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	var last []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if line := lines.Text(); strings.Contains(line, text) {
			last = append(last[max(0, len(last)-logLines+1):], line)
		}
	}
	return last
}
