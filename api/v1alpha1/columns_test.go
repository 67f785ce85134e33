// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// TestABlockedDeletionIsShown: people who delete a policy or a cluster look at the list, which says why it is still there.
func TestABlockedDeletionIsShown(t *testing.T) {
	for _, kind := range []string{"DRPolicy", "DRCluster"} {
		columns := definitionOf(t, kind).Spec.Versions[0].AdditionalPrinterColumns
		shows := func(field string, priority int32) bool {
			return slices.ContainsFunc(columns, func(c apiextensionsv1.CustomResourceColumnDefinition) bool {
				return strings.Contains(c.JSONPath, `"DeletionBlocked")].`+field) && c.Priority == priority
			})
		}
		assert.True(t, shows("reason", 0), kind)
		assert.True(t, shows("message", 1), kind)
	}
}

// TestEveryColumnShowsAFieldThatExists: a path that leads nowhere is an empty column.
func TestEveryColumnShowsAFieldThatExists(t *testing.T) {
	for kind := range readFields(t) {
		known := schemaOf(t, kind)
		for _, c := range definitionOf(t, kind).Spec.Versions[0].AdditionalPrinterColumns {
			path, _, _ := strings.Cut(strings.TrimPrefix(c.JSONPath, "."), "[?(")
			if strings.HasPrefix(path, "metadata.") {
				continue
			}
			assert.Contains(t, known, path, "%s: %s", kind, c.Name)
		}
	}
}
