// SPDX-License-Identifier: Apache-2.0

package text_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
)

func TestValidation(t *testing.T) {
	const docs = "https://github.com/ramendr/ramen-direct/blob/main/docs/"
	v := &view.Validation{
		Head: snapshot().Heading("Validation", nil),
		Categories: []view.CheckCategory{
			{CategoryName: "hub", Checks: []view.Check{{Description: "Kubernetes is 1.30.0 or newer", Result: view.CheckSuccess}, {Description: "Deployment hubctrl is available", Result: view.CheckSuccess}}},
			{CategoryName: "cluster dr1", Checks: []view.Check{
				{Description: "its mirror is connected", Result: view.CheckSuccess},
				{Description: "the store of S3 profile s3-a answers this cluster", Result: view.CheckError, Error: "Unreachable: no route to host", Hint: docs + "install.md#the-hub"},
				{Description: "the credential of its mirror does not expire soon", Result: view.CheckWarning, Error: "it expires in 3d, and nobody renews it", Hint: docs + "mirror.md"},
			}},
			{CategoryName: "policies", Checks: []view.Check{{Description: "DRPolicies are valid", Result: view.CheckUnknown, Error: "you may not read DRPolicies", Hint: docs + "reference/drpolicy.md"}}},
		},
		Summary: map[view.CheckResult]int{view.CheckSuccess: 3, view.CheckError: 1, view.CheckWarning: 1, view.CheckUnknown: 1},
	}
	golden(t, "validate.txt", print(t, 80, false, func(p *text.Page) error { return p.Validation(v, false) }))
	assert.Contains(t, print(t, 80, false, func(p *text.Page) error { return p.Validation(v, true) }), "  ok    Kubernetes is 1.30.0 or newer\n")
	assert.Equal(t, view.Problem, v.Severity())

	g := &view.Gathering{File: "ramen-gather-20260101-120000.tar.gz", Files: 41, Missing: []view.Missing{{What: "hub/ramen-system/secrets", Reason: "you may not read it: secrets is forbidden"}}}
	golden(t, "gather.txt", print(t, 80, false, func(p *text.Page) error { return p.Gathered(g) }))
}
