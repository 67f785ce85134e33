// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/e2e/kindlab"
	"github.com/ramendr/ramen-direct/tests/e2e/kindlab/debian"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/source"
)

// shopNamespace is where tests/e2e/config/shop has its objects, and where the examples of docs/objects.md have theirs.
const shopNamespace = "shop"

// shop is an application that nobody deploys.
type shop struct {
	t   *testing.T
	lab *kindlab.Lab
}

// enterShop brings it on, on dr1, from a file in tests/e2e/config/shop. It leaves with the test.
func enterShop(t *testing.T, l *kindlab.Lab, file string, recipe v1alpha1.RecipeSpec) *shop {
	t.Helper()
	if err := debian.Available(); err != nil {
		t.Skipf("the images of databases are made of Debian's packages: %v", err)
	}
	s := &shop{t, l}
	require.NoError(t, l.Databases(t.Context()))
	require.NoError(t, l.GrantObjects(t.Context()))
	require.NoError(t, l.LetMoversRead(t.Context(), shopNamespace))
	t.Cleanup(s.leave)
	for _, name := range []string{"hooks.yaml", file} {
		s.kubectl(lab.DR1, "apply", "--server-side", "-f", "tests/e2e/config/shop/"+name)
	}
	require.NoError(t, l.Cluster(lab.DR1).Client.Create(t.Context(), &v1alpha1.Recipe{
		ObjectMeta: metav1.ObjectMeta{Namespace: shopNamespace, Name: "shop"}, Spec: recipe,
	}))
	return s
}

// recipeOfPage is the Recipe that docs/objects.md shows below a paragraph that begins so.
func recipeOfPage(t *testing.T, paragraph string) v1alpha1.RecipeSpec {
	t.Helper()
	root, err := source.Root(t.Context())
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join(root, "docs", "objects.md"))
	require.NoError(t, err)
	_, after, found := strings.Cut(string(page), "\n"+paragraph)
	require.True(t, found)
	_, after, _ = strings.Cut(after, "```yaml\n")
	example, _, found := strings.Cut(after, "```")
	require.True(t, found)
	spec := v1alpha1.RecipeSpec{}
	require.NoError(t, yaml.UnmarshalStrict([]byte("  appType: shop\n  groups: [{name: all, type: resource}]\n"+example), &spec))
	return spec
}

func (s *shop) leave() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), 2*patience)
	defer cancel()
	for _, spoke := range lab.Spokes() {
		assert.NoError(s.t, s.lab.Heal(spoke))
	}
	if s.t.Failed() {
		for _, name := range lab.Clusters() {
			kinds := "replicationsource,replicationdestination,pvc,pods,statefulset,vrg"
			if name == lab.Hub {
				kinds = "drpc"
			}
			out, _ := s.lab.Kubectl(ctx, name, "", "get", kinds, "-n", shopNamespace, "-o", "yaml")
			s.t.Logf("how things stand on %s:\n%s", name, out)
		}
	}
	_, err := s.lab.Kubectl(ctx, lab.Hub, "", "delete", "-f", "tests/e2e/config/shop/drpc.yaml", "--ignore-not-found", "--timeout=5m")
	assert.NoError(s.t, err, "the application is let go")
	for _, spoke := range lab.Spokes() {
		_, err := s.lab.Kubectl(ctx, spoke, "", "delete", "namespace", shopNamespace, "--ignore-not-found", "--timeout=5m")
		assert.NoError(s.t, err)
	}
}

func (s *shop) kubectl(cluster string, args ...string) string {
	s.t.Helper()
	out, err := s.lab.Kubectl(s.t.Context(), cluster, "", args...)
	require.NoError(s.t, err)
	return strings.TrimSpace(out)
}

// run runs a command beside the database.
func (s *shop) run(cluster string, command ...string) (string, error) {
	out, err := s.lab.Kubectl(s.t.Context(), cluster, "",
		append([]string{"-n", shopNamespace, "exec", "postgres-0", "-c", "postgres", "--"}, command...)...)
	return strings.TrimSpace(out), err
}

// sql is the answer of the database, of one row and one column.
func (s *shop) sql(cluster, statement string) (string, error) {
	return s.run(cluster, "psql", "-U", "postgres", "-At", "-c", statement)
}

func (s *shop) number(cluster, statement string) int {
	s.t.Helper()
	text, err := s.sql(cluster, statement)
	require.NoError(s.t, err)
	n, err := strconv.Atoi(text)
	require.NoError(s.t, err)
	return n
}

// writes waits until the client has committed another row: it has found the database by its Service, and its password.
func (s *shop) writes(cluster string) {
	s.t.Helper()
	first := ""
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		now, err := s.sql(cluster, "SELECT count(*) FROM ledger")
		require.NoError(c, err)
		if first == "" {
			first = now
		}
		assert.NotEqual(c, first, now)
	}, patience, time.Second, "rows are written on %s", cluster)
}

// sound checks all that the database has, and returns how many rows it has: from the first to the last, none is missing.
func (s *shop) sound(cluster string) int {
	s.t.Helper()
	_, err := s.run(cluster, "pg_amcheck", "--username=postgres", "--all", "--install-missing", "--heapallindexed", "--parent-check")
	require.NoError(s.t, err, "no page, no row and no index is damaged")
	_, err = s.run(cluster, "sh", "-c", "pg_dumpall --username=postgres > /dev/null")
	require.NoError(s.t, err, "everything can be read")
	failures, err := s.sql(cluster, "SELECT coalesce(sum(checksum_failures), 0) FROM pg_stat_database")
	require.NoError(s.t, err)
	assert.Equal(s.t, "0", failures)
	// One statement sees one instant.
	text, err := s.sql(cluster, `SELECT count(*) || ' ' || coalesce(max(id), 0) || ' ' || count(*) FILTER (WHERE note <> md5(id::text)) || ' ' ||
		coalesce(sum(id), 0) - (SELECT total FROM balance) FROM ledger`)
	require.NoError(s.t, err)
	var rows, last, wrong, missing int
	_, err = fmt.Sscan(text, &rows, &last, &wrong, &missing)
	require.NoError(s.t, err, text)
	assert.Equal(s.t, last, rows, "no row is missing in between")
	assert.Zero(s.t, wrong, "every row has what was written")
	assert.Zero(s.t, missing, "what was written in one transaction is there as a whole")
	return rows
}

func (s *shop) control(what string, ok func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl)) {
	s.t.Helper()
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		drpc := &v1alpha1.DRPlacementControl{}
		require.NoError(c, s.lab.Cluster(lab.Hub).Client.Get(s.t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: "shop"}, drpc))
		ok(c, drpc)
	}, 2*patience, time.Second, what)
}

func (s *shop) ask(change func(*v1alpha1.DRPlacementControlSpec)) {
	s.t.Helper()
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		drpc := &v1alpha1.DRPlacementControl{}
		hub := s.lab.Cluster(lab.Hub).Client
		require.NoError(c, hub.Get(s.t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: "shop"}, drpc))
		change(&drpc.Spec)
		require.NoError(c, hub.Update(s.t.Context(), drpc))
	}, patience, time.Second)
}

// gone waits until DR is disabled.
func (s *shop) gone() {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		err := s.lab.Cluster(lab.Hub).Client.Get(s.t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: "shop"}, &v1alpha1.DRPlacementControl{})
		return apierrors.IsNotFound(err)
	}, patience, time.Second)
}

// objects are what the application consists of on a cluster, with what they hold: all but what Kubernetes and VolSync make.
func (s *shop) objects(cluster string) []string {
	s.t.Helper()
	all := s.kubectl(cluster, "-n", shopNamespace, "get",
		"serviceaccounts,rolebindings,secrets,configmaps,services,statefulsets,deployments,recipes", "-o",
		`jsonpath={range .items[*]}{.metadata.name} {.kind} {.data} {.spec.ports} {.spec.selector} {.spec.replicas} {.roleRef}{"\n"}{end}`)
	return slices.DeleteFunc(strings.Split(all, "\n"), func(line string) bool {
		return strings.HasPrefix(line, "volsync-") || strings.HasPrefix(line, "kube-root-ca.crt ")
	})
}
