// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"k8s.io/apimachinery/pkg/runtime"
)

// ConfigOf is what the mirror owns of a DRClusterConfig on the spoke: the spec, as it is on the hub.
func ConfigOf(hub *Object) *Object {
	out := named(hub, "", hub.GetName())
	if spec, ok := hub.Object["spec"]; ok {
		out.Object["spec"] = runtime.DeepCopyJSONValue(spec)
	}
	return out
}

// ConfigReport is the status of a DRClusterConfig on the hub: what it is on the spoke.
func ConfigReport(spoke *Object) *Object {
	out := named(spoke, "", spoke.GetName())
	out.Object["status"] = map[string]any{}
	if status, ok := spoke.Object["status"]; ok {
		out.Object["status"] = runtime.DeepCopyJSONValue(status)
	}
	return out
}
