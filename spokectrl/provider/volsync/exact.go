// SPDX-License-Identifier: Apache-2.0

package volsync

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// annotationSpec on an object of VolSync's API is the digest of the spec that it was written with. Fields that users or VolSync
// add are none of ours, and one that we said before and say no more looks the same: it is known by this digest.
const annotationSpec = "volumereplicationgroups.ramendr.openshift.io/spec-digest"

// sign notes on an intent what its spec says.
func sign(u *unstructured.Unstructured) error {
	text, err := json.Marshal(u.Object["spec"]) // fields in the order of the alphabet
	if err != nil {
		return fmt.Errorf("encode the spec of %s %s: %w", u.GetKind(), u.GetName(), err)
	}
	sum := sha256.Sum256(text)
	about := u.GetAnnotations()
	if about == nil {
		about = map[string]string{}
	}
	about[annotationSpec] = hex.EncodeToString(sum[:8])
	u.SetAnnotations(about)
	return nil
}

// says reports whether have is as want was written: what want says is there, and nothing of ours is there besides. A trigger is
// ours as a whole.
func says(have client.Object, want *unstructured.Unstructured) (bool, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(have)
	if err != nil {
		return false, fmt.Errorf("convert %s: %w", want.GetKind(), err)
	}
	is, _, _ := unstructured.NestedMap(content, "spec", "trigger")
	asked, _, _ := unstructured.NestedMap(want.Object, "spec", "trigger")
	return covers(content["spec"], want.Object["spec"]) && len(is) == len(asked) &&
		carries(have.GetLabels(), want.GetLabels()) && carries(have.GetAnnotations(), want.GetAnnotations()), nil
}

// covers reports whether have holds all that want holds. A false that is left out is false.
func covers(have, want any) bool {
	fields, ok := want.(map[string]any)
	if !ok {
		return want == false && have == nil || equality.Semantic.DeepEqual(have, want)
	}
	found, ok := have.(map[string]any)
	if !ok {
		return len(fields) == 0 && have == nil
	}
	for k, v := range fields {
		if !covers(found[k], v) {
			return false
		}
	}
	return true
}

func carries(have, want map[string]string) bool {
	for k, v := range want {
		if have[k] != v {
			return false
		}
	}
	return true
}
