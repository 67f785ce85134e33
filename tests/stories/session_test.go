// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli"
	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
)

var rewrite = flag.Bool("rewrite", false, "write down what a session of the plugin prints, for docs/cli.md")

// recordedSession is what docs/cli.md shows.
var recordedSession = filepath.Join("..", "..", "cli", "testdata", "session.txt")

// session is somebody at a terminal, with a kubeconfig of all clusters whose current context is the hub.
type session struct {
	t          *testing.T
	kubeconfig string
	record     bytes.Buffer
}

func newSession(t *testing.T, l *lab.Lab) *session {
	t.Helper()
	all := clientcmdapi.NewConfig()
	for _, name := range lab.Clusters() {
		one, err := clientcmd.LoadFromFile(l.Cluster(name).Kubeconfig)
		require.NoError(t, err)
		at := one.Contexts[one.CurrentContext]
		all.Clusters[name], all.AuthInfos[name] = one.Clusters[at.Cluster], one.AuthInfos[at.AuthInfo]
		all.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	}
	all.CurrentContext = lab.Hub
	s := &session{t: t, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	require.NoError(t, clientcmd.WriteToFile(*all, s.kubeconfig))
	return s
}

// say writes a remark into the record.
func (s *session) say(remark string) { fmt.Fprintf(&s.record, "\n# %s\n", remark) }

// do runs a command as somebody at a terminal does, who types an answer if they are asked. It ends with that code.
func (s *session) do(code int, answer, command string) string {
	s.t.Helper()
	out, got := s.run(s.t.Context(), answer, command)
	fmt.Fprintf(&s.record, "$ kubectl ramen-direct %s\n%s", command, out)
	if got != 0 {
		fmt.Fprintf(&s.record, "[exit code %d]\n", got)
	}
	s.t.Logf("$ kubectl ramen-direct %s\n%s[%d]", command, out, got)
	require.Equal(s.t, code, got, command)
	return out
}

// until runs a command again and again, and records nothing, until it says something.
func (s *session) until(want, command string) {
	s.t.Helper()
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		out, _ := s.run(s.t.Context(), "", command)
		assert.Regexp(c, want, out)
	}, patience, tick, command)
}

func (s *session) run(ctx context.Context, answer, command string) (string, int) {
	screen := &screen{}
	env := cli.Env{In: &keyboard{strings.NewReader(answer), screen}, Out: screen, Err: screen, Width: 100, Interactive: true, Clock: clock.RealClock{}}
	code := cli.Run(ctx, env, append([]string{"kubectl-ramen_direct", "--kubeconfig", s.kubeconfig}, strings.Fields(command)...))
	return screen.String(), code
}

// screen is what a terminal shows: what a program writes, and what somebody types.
type screen struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// keyboard is one that a terminal echoes.
type keyboard struct {
	io.Reader
	echo io.Writer
}

func (k *keyboard) Read(p []byte) (int, error) {
	n, err := k.Reader.Read(p)
	_, _ = k.echo.Write(p[:n]) // it keeps all
	return n, err
}

// fleeting is what is another one each time: lines about the progress, steps of an operation, which may take no time, and what
// follows when it is done; and then times, ages, identities, ids of plans, addresses,
// Pods and the widths of columns.
var fleeting = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`(?m)^ *\d+s  .*\n( {7}.*\n)*`), ""},
	{regexp.MustCompile(`(?m)^  [A-Z][A-Za-z ]+ \d+[a-z]+.*\n`), ""},
	{regexp.MustCompile(`(?s)The rest follows:.*`), ""},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "TIME"},
	{regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`), "ID"},
	{regexp.MustCompile(`(--plan) [0-9a-f]{8}`), "$1 PLAN"},
	{regexp.MustCompile(`https://127\.0\.0\.1:\d+`), "https://HUB"},
	{regexp.MustCompile(`Pod [a-z0-9-]+`), "Pod POD"},
	{regexp.MustCompile(`, with the fingerprint [0-9a-f]+`), ", with a fingerprint"},
	{regexp.MustCompile(`\b\d+(ms|s|m|h|d)(\d+s)?\b`), "AGE"},
	{regexp.MustCompile(`[^ ]*\.\.\.`), "..."},
	{regexp.MustCompile(`\b\d+ files`), "FILES"},
	{regexp.MustCompile(`\s+`), " "},
}

// lasting is what two records have in common if the commands do the same.
func lasting(record string) []string {
	var out []string
	for _, command := range regexp.MustCompile(`(?m)^(\$|#) `).Split(record, -1) {
		for _, f := range fleeting {
			command = f.what.ReplaceAllString(command, f.as)
		}
		out = append(out, strings.TrimSpace(command))
	}
	return out
}

// TestASessionOfThePlugin runs every command of the plugin on a lab, as docs/cli.md shows it.
func TestASessionOfThePlugin(t *testing.T) {
	testlayer.Slow(t, "cli TestCommandsOnAHub")
	l := shared.Lab(t)
	ledger, orders := enter(t, l, "ledger"), enter(t, l, "orders")
	for _, a := range []*actor{ledger, orders} {
		require.NoError(t, client.IgnoreAlreadyExists(l.Cluster(lab.Hub).Client.Create(t.Context(), a.App.Home())))
		require.NoError(t, a.App.Install(t.Context(), lab.DR1, t.Logf))
	}
	s := newSession(t, l)
	given := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-system", Name: "mirror-dr1"}}
	t.Cleanup(func() { _ = l.Cluster(lab.DR1).Client.Delete(cleanupContext(t), given) })

	s.say("A hub is checked before it is installed, and a cluster is connected. (On the lab controllers are processes, not Pods.)")
	s.do(0, "", "validate --pre")
	s.do(0, "", "connect dr3 --s3-profile s3-dr1 --region north --dry-run=client")
	s.do(0, "", "connect dr1 --cluster-context dr1")
	// While the quota controller of a new hub has not counted, the hub takes the quotas away for a minute.
	s.until(`cluster dr1\n  ok .*\n\ncluster dr2\n  ok `, "validate")
	s.do(2, "", "validate")

	s.say("Two applications run on dr1. They are protected.")
	s.do(0, "", "protect ledger -n ledger --policy lab-1m --cluster dr1 -l app=ledger --cluster-context dr1 --dry-run=client")
	s.do(0, "", "protect ledger -n ledger --policy lab-1m --cluster dr1 -l app=ledger --cluster-context dr1")
	s.do(0, "", "protect orders -n orders --policy lab-1m --cluster dr1 --all-pvcs")
	s.until(`ledger +Protected(.|\n)*orders +Protected`, "status -A")
	s.do(0, "", "status -A")
	s.do(0, "", "why ledger -n ledger")

	s.say("One of them moves to dr2, with all data. Something deploys it where the decisions say.")
	s.do(0, "", "plan relocate ledger -n ledger")
	s.do(0, "y\n", "relocate ledger -n ledger --reason maintenance")
	s.until(`ledger +Protected +dr2 +dr1 ready`, "status -A")
	s.do(0, "", "history ledger -n ledger")
	s.do(4, "", "failover ledger -n ledger")

	s.say("dr2 is lost.")
	require.NoError(t, l.Fault(lab.DR2, faultproxy.Cut))
	s.until(`Home lost +dr2 lost(.|\n)*At risk +dr1 +dr2 lost(.|\n)*\(lost\)`, "status -A")
	s.do(2, "", "status -A")
	s.do(2, "", "why ledger -n ledger")
	s.do(0, "", "plan failover ledger -n ledger --max-loss 1h")
	s.do(0, "ledger\n", "failover ledger -n ledger --max-loss 1h --reason storm")
	s.do(0, "", "why ledger -n ledger")

	s.say("dr2 returns, and then dr1 is lost, with all that runs there. The old copies were stopped meanwhile.")
	require.NoError(t, l.Heal(lab.DR2))
	ledger.Settled(v1alpha1.FailedOver, lab.DR1)
	s.do(0, "y\n", "clear ledger -n ledger")
	s.until(`ledger +Protected(.|\n)*orders +Protected`, "status -A")
	require.NoError(t, l.Fault(lab.DR1, faultproxy.Cut))
	s.until(`2 home lost(.|\n)*\(lost\)`, "status -A")
	s.do(0, "", "plan failover --from dr1")
	s.do(0, "dr1\n", "failover --from dr1")
	s.do(1, "", "failover --from dr1 --resume")
	require.NoError(t, l.Heal(lab.DR1))
	ledger.Settled(v1alpha1.FailedOver, lab.DR2)
	orders.Settled(v1alpha1.FailedOver, lab.DR2)

	s.say("The hub answers, so nobody breaks the glass.")
	s.do(4, "", "promote ledger -n ledger --on-cluster dr1")
	s.do(4, "", "promote --all --on-cluster dr1")

	s.say("Who helps from afar gets an archive.")
	file := filepath.Join(t.TempDir(), "incident.tar.gz")
	out, code := s.run(t.Context(), "", "gather --cluster-context dr1=dr1,dr2=dr2 --file "+file)
	assert.Zero(t, code)
	assert.FileExists(t, file)
	fmt.Fprintf(&s.record, "$ kubectl ramen-direct gather --cluster-context dr1=dr1,dr2=dr2 --file incident.tar.gz\n%s", strings.ReplaceAll(out, file, "incident.tar.gz"))

	s.say("The protection ends. A cluster that is needed stays connected.")
	s.do(0, "ledger\n", "unprotect ledger -n ledger")
	s.do(0, "orders\n", "unprotect orders -n orders")
	s.do(0, "", "status -A")
	s.do(4, "", "disconnect dr2")

	if *rewrite {
		require.NoError(t, os.WriteFile(recordedSession, bytes.TrimLeft(s.record.Bytes(), "\n"), 0o600))
	}
	was, err := os.ReadFile(recordedSession)
	require.NoError(t, err)
	assert.Equal(t, lasting(string(was)), lasting(s.record.String()), "run the test with -rewrite, and read the difference")
}
