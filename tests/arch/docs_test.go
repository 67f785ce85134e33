// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	example  = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	codeWord = regexp.MustCompile("`([A-Za-z0-9]*[a-z][A-Z][A-Za-z0-9]*|[A-Z][a-z]+)`")
)

func TestLinksLeadSomewhere(t *testing.T) {
	root := filepath.Join("..", "..")
	all := pages(t, root)
	for page, text := range all {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, ":") {
				continue // another site
			}
			rel := page
			if target != "" {
				rel = filepath.Join(filepath.Dir(page), target)
			}
			_, err := os.Stat(filepath.Join(root, rel))
			assert.NoError(t, err, "%s links to %s", page, m[1])
			if anchor != "" {
				assert.Contains(t, anchors(all[rel]), anchor, "%s links to %s", page, m[1])
			}
		}
	}
}

// anchors are the names of the headings of a page, as Markdown makes them.
func anchors(text string) (out []string) {
	odd := regexp.MustCompile(`[^a-z0-9 -]`)
	for line := range strings.Lines(text) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			name := odd.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			out = append(out, strings.ReplaceAll(name, " ", "-"))
		}
	}
	return out
}

func TestTheReferenceSpeaksOfWhatThereIs(t *testing.T) {
	root := filepath.Join("..", "..")
	types := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(types))
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, types, types, json.SerializerOptions{Yaml: true, Strict: true})
	said := source(t, root)
	kinds := map[string]bool{}
	for page, text := range pages(t, root) {
		if filepath.Dir(page) != filepath.Join("docs", "reference") || filepath.Base(page) == "fields.md" {
			continue
		}
		for _, m := range example.FindAllStringSubmatch(text, -1) {
			_, kind, err := strict.Decode([]byte(m[1]), nil, nil)
			if assert.NoError(t, err, page) {
				kinds[kind.Kind] = true
			}
		}
		for _, m := range codeWord.FindAllStringSubmatch(text, -1) {
			assert.Truef(t, strings.Contains(said, `"`+m[1]+`"`) || strings.Contains(said, `"`+m[1]+`,omit`),
				"%s speaks of %s, which no source names", page, m[1])
		}
	}
	for _, kind := range []string{"DRCluster", "DRClusterConfig", "DRPlacementControl", "DRPolicy", "MaintenanceMode", "Recipe", "VolumeReplicationGroup"} {
		assert.True(t, kinds[kind], "there is no example of a %s", kind)
	}
}

// source is the text of all programs.
func source(t *testing.T, root string) string {
	t.Helper()
	var out strings.Builder
	for _, dir := range []string{"api", "cli", "hubctrl", "spokectrl", "mirror", "internal"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			raw, err := os.ReadFile(path)
			out.Write(raw)
			return err
		}))
	}
	return out.String()
}
