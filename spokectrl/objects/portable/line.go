// SPDX-License-Identifier: Apache-2.0

package portable

import (
	"encoding/json"
	"errors"
	"fmt"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Line is the item as one line of JSON, with its end.
func (it *Item) Line() ([]byte, error) {
	line, err := json.Marshal(it)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", it.Title(), err)
	}
	return append(line, '\n'), nil
}

// Parse reads what Line made. Numbers keep their kind: a client refuses 1.0 for an integer.
func Parse(line []byte) (*Item, error) {
	it := &Item{}
	if err := json.Unmarshal(line, it); err != nil {
		return nil, fmt.Errorf("decode an object: %w", err)
	}
	fields := map[string]any{}
	if err := utiljson.Unmarshal(line, &fields); err != nil {
		return nil, fmt.Errorf("decode an object: %w", err)
	}
	object, ok := fields["object"].(map[string]any)
	if !ok {
		return nil, errors.New("decode an object: there is none")
	}
	it.Object, it.Status = object, fields["status"]
	if it.Resource == "" || it.Unstructured().GetKind() == "" || it.Unstructured().GetName() == "" {
		return nil, errors.New("decode an object: it has no type or no name")
	}
	return it, nil
}
