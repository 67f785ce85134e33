// SPDX-License-Identifier: Apache-2.0

package servertest

import (
	"errors"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/builtin"
	"github.com/ramendr/ramen-direct/spokectrl/objects/enginetest"
)

func engine(t *testing.T, config *rest.Config) *builtin.Engine {
	t.Helper()
	e, err := builtin.New(config)
	require.NoError(t, err)
	return e
}

// TestTheBuiltInEngineConforms runs the suite of all engines.
func TestTheBuiltInEngineConforms(t *testing.T) {
	all, err := client.New(admin, client.Options{})
	require.NoError(t, err)
	meta := metav1.ObjectMeta{Name: "poor"}
	require.NoError(t, all.Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "list", "create"}},
		{APIGroups: []string{""}, Resources: []string{"namespaces", "secrets"}, Verbs: []string{"get"}},
		{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"list"}},
	}}))
	require.NoError(t, all.Create(t.Context(), &rbacv1.ClusterRoleBinding{ObjectMeta: meta,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "poor"}, Subjects: []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: "poor"}}}))
	poor := rest.CopyConfig(admin)
	poor.Impersonate = rest.ImpersonationConfig{UserName: "poor", Groups: []string{"system:authenticated"}}
	enginetest.Run(t, enginetest.Subject{Engine: engine(t, admin), Poor: engine(t, poor), Client: all, Dying: func(writes int, late bool) objects.Engine {
		mortal := rest.CopyConfig(admin)
		mortal.Wrap(func(to http.RoundTripper) http.RoundTripper { return &dying{to: to, writes: writes, late: late} })
		return engine(t, mortal)
	}})
}

// dying is the way to the API server of a process that ends at a write.
type dying struct {
	to   http.RoundTripper
	late bool // the API server gets that write

	mu     sync.Mutex
	writes int
	gone   bool
}

var errGone = errors.New("the process is gone")

func (d *dying) RoundTrip(r *http.Request) (*http.Response, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	last := false
	if r.Method != http.MethodGet && !d.gone {
		d.writes--
		last = d.writes < 0
	}
	if d.gone || last && !d.late {
		d.gone = true
		return nil, errGone
	}
	response, err := d.to.RoundTrip(r)
	if d.gone = d.gone || last; last && err == nil {
		_ = response.Body.Close()
		return nil, errGone
	}
	return response, err
}
