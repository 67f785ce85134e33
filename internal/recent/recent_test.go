// SPDX-License-Identifier: Apache-2.0

package recent

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

var key = client.ObjectKey{Namespace: "ns", Name: "one"}

// server is an API server, with a cache that shows what it was told to show last.
type server struct {
	client.WithWatch
	t     *testing.T
	reads int // that went past the cache
	shown *corev1.ConfigMap
	fail  error // of the next write, which is carried out all the same

	memory *Memory
	reader client.Reader
	writer client.Client
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t}
	s.WithWatch = interceptor.NewClient(fake.NewClientBuilder().Build(), interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			err := c.Patch(ctx, obj, patch, opts...)
			if s.fail != nil {
				err, s.fail = s.fail, nil
			}
			return err
		},
	})
	var err error
	s.memory, err = New(scheme.Scheme, &corev1.ConfigMap{})
	require.NoError(t, err)
	s.reader, s.writer = s.memory.Reader(cache{s}, past{s}), s.memory.Client(s.WithWatch)
	return s
}

type past struct{ *server }

func (p past) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	p.reads++
	return p.WithWatch.Get(ctx, key, obj, opts...)
}

type cache struct{ *server }

func (c cache) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	if c.shown == nil {
		return apierrors.NewNotFound(corev1.Resource("configmaps"), key.Name)
	}
	c.shown.DeepCopyInto(obj.(*corev1.ConfigMap))
	return nil
}

const scope = "scope"

func (s *server) ctx() context.Context { return In(s.t.Context(), scope) }

// sync lets the cache catch up.
func (s *server) sync() {
	is := &corev1.ConfigMap{}
	if err := s.Get(s.t.Context(), key, is); err != nil {
		require.True(s.t, apierrors.IsNotFound(err))
		is = nil
	}
	s.shown = is
}

// get returns what is read, "" where there is nothing, and whether that went past the cache.
func (s *server) get() (value string, past bool) {
	s.t.Helper()
	before := s.reads
	is := &corev1.ConfigMap{Data: map[string]string{"left": "over"}}
	err := s.reader.Get(s.ctx(), key, is)
	if apierrors.IsNotFound(err) {
		return "", s.reads > before
	}
	require.NoError(s.t, err)
	return is.Data["value"], s.reads > before
}

func (s *server) requireRead(value string, past bool, why string) {
	s.t.Helper()
	got, went := s.get()
	require.Equal(s.t, value, got, why)
	require.Equal(s.t, past, went, why)
}

func config(value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}, Data: map[string]string{"value": value}}
}

func TestAnotherObjectOfTheNameIsReadPastTheCache(t *testing.T) {
	s := newServer(t)
	one := config("one")
	one.UID = "first"
	require.NoError(t, s.writer.Create(s.ctx(), one))
	s.sync()
	s.requireRead("one", false, "known")
	require.NoError(t, s.Delete(t.Context(), one), "by somebody else")
	two := config("two")
	two.UID = "second"
	require.NoError(t, s.Create(t.Context(), two), "by somebody else")
	s.sync()
	s.requireRead("two", true, "nothing tells which of two objects is the later one")
	s.requireRead("two", false, "known")
}

func TestAReadGoesPastTheCacheUntilThatHasCaughtUp(t *testing.T) {
	s := newServer(t)
	s.requireRead("", true, "what is not known is asked for")
	s.requireRead("", false, "there was nothing, and the cache shows nothing")

	one := config("one")
	require.NoError(t, s.writer.Create(s.ctx(), one))
	s.requireRead("one", true, "the cache does not show what was written")
	s.sync()
	s.requireRead("one", false, "it does")

	two := one.DeepCopy()
	two.Data["value"] = "two"
	require.NoError(t, s.writer.Patch(s.ctx(), two, client.MergeFrom(one)))
	s.requireRead("two", true, "the cache shows what was there before")
	s.sync()
	s.requireRead("two", false, "it shows what was written")

	three := two.DeepCopy()
	three.Data["value"] = "three"
	require.NoError(t, s.Update(t.Context(), three), "by somebody else")
	s.requireRead("two", false, "which may be missing for a while")
	s.sync()
	s.requireRead("three", true, "it is another version than the last one")
	s.requireRead("three", false, "known")
	s.shown = two
	s.requireRead("three", true, "another cache may be behind the first one")
}

func TestAWriteOfUnknownOutcomeIsReadPastTheCache(t *testing.T) {
	s := newServer(t)
	one := config("one")
	require.NoError(t, s.writer.Create(s.ctx(), one))
	s.sync()
	s.requireRead("one", false, "known")

	two := one.DeepCopy()
	two.Data["value"] = "two"
	s.fail = errors.New("the answer was lost")
	require.Error(t, s.writer.Patch(s.ctx(), two, client.MergeFrom(one)))
	s.requireRead("two", true, "nobody said whether it was written")
}

func TestADeletionIsReadPastTheCache(t *testing.T) {
	s := newServer(t)
	one := config("one")
	one.Finalizers = []string{"example.com/held"}
	require.NoError(t, s.writer.Create(s.ctx(), one))
	s.sync()
	require.NoError(t, s.writer.Delete(s.ctx(), one))
	is := &corev1.ConfigMap{}
	require.NoError(t, s.reader.Get(s.ctx(), key, is))
	require.NotNil(t, is.DeletionTimestamp, "it waits for its finalizer")
	is.Finalizers = nil
	require.NoError(t, s.writer.Update(s.ctx(), is))
	s.requireRead("", true, "it is gone, and still in the cache")
	s.requireRead("", true, "what the cache shows may be what was there before")
	s.sync()
	s.requireRead("", false, "it is gone from the cache")

	again := config("again")
	require.NoError(t, s.writer.Create(s.ctx(), again))
	s.memory.Forget(scope)
	s.requireRead("again", true, "what is forgotten is asked for")
}

// TestAServerThatIsRestoredFromABackupIsBelieved although the cache shows for a while what was there before.
func TestAServerThatIsRestoredFromABackupIsBelieved(t *testing.T) {
	s := newServer(t)
	other := client.ObjectKey{Namespace: key.Namespace, Name: "other"}
	two := config("two")
	two.Name = other.Name
	require.NoError(t, s.writer.Create(s.ctx(), config("one")))
	require.NoError(t, s.writer.Create(s.ctx(), two))
	s.sync()
	s.requireRead("one", false, "known")
	kind := corev1.SchemeGroupVersion.WithKind("ConfigMap").GroupKind()
	require.Contains(t, s.memory.seen[scope], id{kind, other})

	later := config("later")
	later.ResourceVersion = "1000"
	s.shown = later
	s.memory.seen[scope][id{kind, key}] = version{"", "1000"} // as this process wrote it
	s.memory.seen["of another pass"] = map[id]version{{kind, key}: {"", "1000"}}
	s.requireRead("later", false, "nothing tells of the restore")
	s.shown = nil
	s.requireRead("one", true, "the cache lists again")
	require.NotContains(t, s.memory.seen[scope], id{kind, other}, "what the cache shows of others may be what was there before")
	require.NotContains(t, s.memory.seen, "of another pass")
	s.shown = later
	s.requireRead("one", true, "a later version is not taken for a newer one")
	s.sync()
	s.requireRead("one", false, "known")
}

// TestNothingIsBelievedBesideWhatIsOtherwise : what is decided together comes from one time.
func TestNothingIsBelievedBesideWhatIsOtherwise(t *testing.T) {
	kind := corev1.SchemeGroupVersion.WithKind("ConfigMap").GroupKind()
	beside := id{kind, client.ObjectKey{Namespace: key.Namespace, Name: "beside"}}
	for name, happens := range map[string]func(*server, *corev1.ConfigMap){
		"a write that is refused": func(s *server, one *corev1.ConfigMap) {
			s.fail = errors.New("refused")
			require.Error(t, s.writer.Patch(s.ctx(), one.DeepCopy(), client.MergeFrom(one)))
		},
		"an object that is gone": func(s *server, one *corev1.ConfigMap) {
			require.NoError(t, s.Delete(t.Context(), one))
			s.sync()
			s.requireRead("", true, "it is gone")
		},
		"a deletion": func(s *server, one *corev1.ConfigMap) { require.NoError(t, s.writer.Delete(s.ctx(), one)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			one := config("one")
			one.UID = "uid"
			require.NoError(t, s.writer.Create(s.ctx(), one))
			s.memory.seen[scope][beside] = version{"", "5"}
			s.memory.seen["of another pass"] = map[id]version{beside: {"", "5"}}
			happens(s, one)
			require.NotContains(t, s.memory.seen[scope], beside)
			require.Contains(t, s.memory.seen, "of another pass")
		})
	}
}

func TestWithoutAScopeEverythingIsReadPastTheCache(t *testing.T) {
	s := newServer(t)
	require.NoError(t, s.writer.Create(t.Context(), config("one")))
	s.sync()
	for range 2 {
		before := s.reads
		require.NoError(t, s.reader.Get(t.Context(), key, &corev1.ConfigMap{}))
		require.Greater(t, s.reads, before)
	}
	require.Empty(t, s.memory.seen)
}

func TestIntentsAreWritesToo(t *testing.T) {
	s := newServer(t)
	intent := func(value string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"namespace": key.Namespace, "name": key.Name}, "data": map[string]any{"value": value},
		}}
	}
	s.requireRead("", true, "not known")
	require.NoError(t, s.writer.Apply(s.ctx(), client.ApplyConfigurationFromUnstructured(intent("one")), client.FieldOwner("me")))
	s.requireRead("one", true, "the cache shows nothing")
	s.sync()
	s.requireRead("one", false, "it does")
	old := s.shown
	require.NoError(t, s.writer.Apply(s.ctx(), client.ApplyConfigurationFromUnstructured(intent("two")), client.FieldOwner("me")))
	require.Same(t, old, s.shown)
	s.requireRead("two", true, "the cache shows what was there before")
}

func TestOtherKindsAreReadPastTheCache(t *testing.T) {
	s := newServer(t)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
	require.NoError(t, s.writer.Create(s.ctx(), secret))
	for range 2 {
		before := s.reads
		require.NoError(t, s.reader.Get(s.ctx(), key, &corev1.Secret{}))
		assert.Greater(t, s.reads, before)
	}
	assert.Empty(t, s.memory.seen)
}
