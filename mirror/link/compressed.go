// SPDX-License-Identifier: Apache-2.0

package link

import (
	"fmt"

	"github.com/klauspost/compress/zstd"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/serializer/cbor/direct"

	"github.com/ramendr/ramen-direct/mirror/translate"
)

// packed is an object as a store keeps it. Most objects are looked at once in a long time, and a tree of maps takes about
// twenty times the memory. The metadata holds only what tells one object, and one version of it, from another.
type packed struct {
	metav1.ObjectMeta

	answered bool   // its status is that of a controller that has seen its generation
	body     []byte // compressed CBOR
}

// The encoder and the decoder may be used by many at once. Objects are small, so that a small window does.
var (
	compressor = must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(64<<10), zstd.WithLowerEncoderMem(true)))
	expander   = must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true)))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // the options are constant
	}
	return v
}

func pack(o *translate.Object) (*packed, error) {
	plain, err := direct.Marshal(o.Object)
	if err != nil {
		return nil, fmt.Errorf("pack %s %s/%s: %w", o.GetKind(), o.GetNamespace(), o.GetName(), err)
	}
	observed, found, err := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	return &packed{
		answered:   err == nil && found && observed == o.GetGeneration(),
		ObjectMeta: metav1.ObjectMeta{Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), ResourceVersion: o.GetResourceVersion(), Generation: o.GetGeneration(), DeletionTimestamp: o.GetDeletionTimestamp()},
		body:       compressor.EncodeAll(plain, make([]byte, 0, len(plain)/3)),
	}, nil
}

// unpack is the object that was packed. The caller may change it.
func (p *packed) unpack() *translate.Object {
	plain, err := expander.DecodeAll(p.body, nil)
	if err != nil {
		panic(fmt.Errorf("expand what this process compressed: %w", err))
	}
	o := &translate.Object{}
	if err := direct.Unmarshal(plain, &o.Object); err != nil {
		panic(fmt.Errorf("decode what this process encoded: %w", err))
	}
	return o
}
