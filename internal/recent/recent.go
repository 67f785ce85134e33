// SPDX-License-Identifier: Apache-2.0

// Package recent saves requests to an API server: it reads an object from a cache where the cache shows exactly the version that
// this process read from the server, or wrote to it, last.
//
// What is decided together is read together: a context has a scope, such as the object that a pass is about. The package promises
// that a Reader never returns an object that is older than this process's own last write to it, and that once anything in a scope
// turned out to be otherwise than it was, everything in the scope is read past the cache: after a write that was refused, or whose
// outcome is not known, and where an object is another one of its name. An object that is older than before tells of an API server
// that was restored from a backup: then this holds for all scopes. Without a scope everything is read past the cache.
//
// What others wrote may be missing, for as long as the cache lags: who decides by it names the version that was decided about in
// each write (X15).
package recent

import (
	"context"
	"reflect"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// version is an object in a version of it; the zero value says that there is none.
type version struct {
	uid      types.UID
	resource string
}

func versionOf(obj metav1.Object) version { return version{obj.GetUID(), obj.GetResourceVersion()} }

type id struct {
	kind schema.GroupKind
	key  types.NamespacedName
}

type scopeKey struct{}

// In returns a context with a scope.
func In(ctx context.Context, scope string) context.Context {
	return context.WithValue(ctx, scopeKey{}, scope)
}

func scopeOf(ctx context.Context) string {
	scope, _ := ctx.Value(scopeKey{}).(string)
	return scope
}

// Memory knows the version in which each object of some kinds was read or written last in a scope. It may be used by several
// goroutines, of which each has a scope of its own.
type Memory struct {
	scheme *runtime.Scheme
	kinds  map[schema.GroupKind]bool

	mu   sync.Mutex
	seen map[string]map[id]version // by scope
}

// New returns a Memory for objects of the kinds of the given ones.
func New(scheme *runtime.Scheme, of ...client.Object) (*Memory, error) {
	m := &Memory{scheme: scheme, kinds: map[schema.GroupKind]bool{}, seen: map[string]map[id]version{}}
	for _, o := range of {
		gvk, err := apiutil.GVKForObject(o, scheme)
		if err != nil {
			return nil, err
		}
		m.kinds[gvk.GroupKind()] = true
	}
	return m, nil
}

// Forget lets go of what is known in a scope: it ended, or something in it is not as it was.
func (m *Memory) Forget(scope string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.seen, scope)
}

func (m *Memory) last(scope string, of id) (was version, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was, known = m.seen[scope][of]
	return was, known
}

// note notes in which version an object is. was: in which it was before, if that is known.
func (m *Memory) note(scope string, of id, was version, known bool, is version) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case scope == "":
		return
	case known && is.uid != was.uid:
		delete(m.seen, scope)
	case known && before(is.resource, was.resource):
		clear(m.seen)
	}
	if m.seen[scope] == nil {
		m.seen[scope] = map[id]version{}
	}
	m.seen[scope][of] = is
}

// before reports whether a resource version is known to be older than another one.
func before(is, was string) bool {
	order, err := resourceversion.CompareResourceVersion(is, was)
	return err == nil && order < 0
}

// wrote notes what a write led to.
func (m *Memory) wrote(ctx context.Context, obj any, err error) {
	scope := scopeOf(ctx)
	of, is, ok := m.identify(obj)
	switch {
	case !ok:
	case err != nil || is == (version{}):
		m.Forget(scope)
	default:
		m.note(scope, of, version{}, false, is)
	}
}

// identify says which object was written, and in which version it is since. The zero version: that is not known, or the object
// may be gone. false: it is of none of the kinds.
func (m *Memory) identify(obj any) (of id, is version, ok bool) {
	switch o := obj.(type) {
	case client.Object:
		gvk, err := apiutil.GVKForObject(o, m.scheme)
		of, ok = id{gvk.GroupKind(), client.ObjectKeyFromObject(o)}, err == nil
		is = written(o)
	case interface { // an unstructured intent
		metav1.Object
		GroupVersionKind() schema.GroupVersionKind
	}:
		of, ok = id{o.GroupVersionKind().GroupKind(), types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}}, true
		is = written(o)
	case interface { // a typed intent, which does not say what it led to
		GetKind() *string
		GetAPIVersion() *string
		GetNamespace() *string
		GetName() *string
	}:
		gv, err := schema.ParseGroupVersion(text(o.GetAPIVersion()))
		of, ok = id{gv.WithKind(text(o.GetKind())).GroupKind(), types.NamespacedName{Namespace: text(o.GetNamespace()), Name: text(o.GetName())}}, err == nil
	}
	return of, is, ok && m.kinds[of.kind]
}

// written is the version that a write led to. An object that is being deleted may be gone: nothing but what was taken off may
// have held it.
func written(obj metav1.Object) version {
	if obj.GetDeletionTimestamp() != nil || obj.GetResourceVersion() == "" {
		return version{}
	}
	return versionOf(obj)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Reader returns a Reader that gets objects of the kinds of m from cached where that is recent, and everything else from live.
func (m *Memory) Reader(cached, live client.Reader) client.Reader {
	return reader{Reader: live, memory: m, cached: cached}
}

type reader struct {
	client.Reader // past the cache
	memory        *Memory
	cached        client.Reader
}

// Get reads one object.
func (r reader) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	gvk, err := apiutil.GVKForObject(obj, r.memory.scheme)
	of := id{gvk.GroupKind(), key}
	if err != nil || !r.memory.kinds[of.kind] || len(opts) > 0 {
		return r.Reader.Get(ctx, key, obj, opts...)
	}
	scope := scopeOf(ctx)
	was, known := r.memory.last(scope, of)
	if known {
		if done, err := r.recent(ctx, key, obj, was); done {
			return err
		}
	}
	err = r.Reader.Get(ctx, key, obj)
	switch {
	case apierrors.IsNotFound(err):
		r.memory.note(scope, of, was, known, version{})
	case err == nil:
		r.memory.note(scope, of, was, known, versionOf(obj))
	}
	return err
}

// recent reads from the cache; false: that shows another version than was, or none.
func (r reader) recent(ctx context.Context, key client.ObjectKey, obj client.Object, was version) (done bool, err error) {
	// Into an object of its own: decoding into it later would leave what is gone since.
	found, ok := obj.DeepCopyObject().(client.Object)
	if !ok {
		return false, nil
	}
	if err := r.cached.Get(ctx, key, found); err != nil {
		return apierrors.IsNotFound(err) && was == (version{}), err
	}
	if versionOf(found) != was {
		return false, nil
	}
	reflect.ValueOf(obj).Elem().Set(reflect.ValueOf(found).Elem())
	return true, nil
}

// Client returns a client that does what c does, and has m note each write.
func (m *Memory) Client(c client.Client) client.Client { return writer{Client: c, memory: m} }

type writer struct {
	client.Client
	memory *Memory
}

func (w writer) Create(ctx context.Context, obj client.Object, opts ...client.CreateOption) error {
	err := w.Client.Create(ctx, obj, opts...)
	w.memory.wrote(ctx, obj, err)
	return err
}

func (w writer) Update(ctx context.Context, obj client.Object, opts ...client.UpdateOption) error {
	err := w.Client.Update(ctx, obj, opts...)
	w.memory.wrote(ctx, obj, err)
	return err
}

func (w writer) Patch(ctx context.Context, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
	err := w.Client.Patch(ctx, obj, patch, opts...)
	w.memory.wrote(ctx, obj, err)
	return err
}

func (w writer) Apply(ctx context.Context, intent runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
	err := w.Client.Apply(ctx, intent, opts...)
	w.memory.wrote(ctx, intent, err)
	return err
}

// Delete leaves it to the next read whether the object is gone, or waits for a finalizer.
func (w writer) Delete(ctx context.Context, obj client.Object, opts ...client.DeleteOption) error {
	err := w.Client.Delete(ctx, obj, opts...)
	w.memory.Forget(scopeOf(ctx))
	return err
}

func (w writer) DeleteAllOf(ctx context.Context, obj client.Object, opts ...client.DeleteAllOfOption) error {
	err := w.Client.DeleteAllOf(ctx, obj, opts...)
	w.memory.Forget(scopeOf(ctx))
	return err
}

func (w writer) Status() client.SubResourceWriter { return w.SubResource("status") }

func (w writer) SubResource(name string) client.SubResourceClient {
	return subresource{SubResourceClient: w.Client.SubResource(name), memory: w.memory}
}

type subresource struct {
	client.SubResourceClient
	memory *Memory
}

func (s subresource) Create(ctx context.Context, obj, sub client.Object, opts ...client.SubResourceCreateOption) error {
	err := s.SubResourceClient.Create(ctx, obj, sub, opts...)
	s.memory.Forget(scopeOf(ctx)) // what it made of the object, it does not say
	return err
}

func (s subresource) Update(ctx context.Context, obj client.Object, opts ...client.SubResourceUpdateOption) error {
	err := s.SubResourceClient.Update(ctx, obj, opts...)
	s.memory.wrote(ctx, obj, err)
	return err
}

func (s subresource) Patch(ctx context.Context, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
	err := s.SubResourceClient.Patch(ctx, obj, patch, opts...)
	s.memory.wrote(ctx, obj, err)
	return err
}

func (s subresource) Apply(ctx context.Context, intent runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
	err := s.SubResourceClient.Apply(ctx, intent, opts...)
	s.memory.wrote(ctx, intent, err)
	return err
}
