// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// versioned gives objects a UID and generations as a real API server does; the fake one gives neither. made counts the UIDs.
func versioned(c client.WithWatch, made *int) client.WithWatch {
	around := func(ctx context.Context, c client.WithWatch, kind, namespace, name string, write func() error) error {
		key := client.ObjectKey{Namespace: namespace, Name: name}
		if kind != "VolumeReplicationGroup" && kind != "DRPlacementControl" && kind != "Secret" {
			return write()
		}
		read := func() (*unstructured.Unstructured, error) {
			u := &unstructured.Unstructured{}
			of := v1alpha1.GroupVersion
			if kind == "Secret" {
				of = corev1.SchemeGroupVersion
			}
			u.SetGroupVersionKind(of.WithKind(kind))
			err := c.Get(ctx, key, u)
			return u, err
		}
		before, err := read()
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		if err := write(); err != nil {
			return err
		}
		after, err := read()
		if err != nil {
			return client.IgnoreNotFound(err)
		}
		metadata := map[string]any{}
		switch {
		case kind == "Secret" && after.GetUID() != "":
			return nil
		case kind == "Secret": // not counted: the wishes keep their numbers
			metadata["uid"] = "secret-" + rand.Text()
		case after.GetUID() == "":
			*made++
			metadata["uid"], metadata["generation"] = fmt.Sprintf("uid-%d", *made), 1
		case !reflect.DeepEqual(before.Object["spec"], after.Object["spec"]), (before.GetDeletionTimestamp() == nil) != (after.GetDeletionTimestamp() == nil):
			metadata["generation"] = before.GetGeneration() + 1
		default:
			return nil
		}
		text, err := json.Marshal(map[string]any{"metadata": metadata})
		if err != nil {
			return err
		}
		return c.Patch(ctx, after, client.RawPatch(types.MergePatchType, text))
	}
	return interceptor.NewClient(c, interceptor.Funcs{
		Apply: func(ctx context.Context, c client.WithWatch, intent runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			u := untyped(intent)
			if err := around(ctx, c, u.GetKind(), u.GetNamespace(), u.GetName(), func() error { return c.Apply(ctx, intent, opts...) }); err != nil {
				return err
			}
			return answered(ctx, c, u, intent)
		},
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return around(ctx, c, kindOf(o), o.GetNamespace(), o.GetName(), func() error { return c.Create(ctx, o, opts...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			return around(ctx, c, kindOf(o), o.GetNamespace(), o.GetName(), func() error { return c.Update(ctx, o, opts...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			return around(ctx, c, kindOf(o), o.GetNamespace(), o.GetName(), func() error { return c.Delete(ctx, o, opts...) })
		},
	})
}

// answered makes intent what is stored, as the answer of a real API server does, UID and generation included.
func answered(ctx context.Context, c client.Reader, key *unstructured.Unstructured, intent runtime.ApplyConfiguration) error {
	stored := &unstructured.Unstructured{}
	stored.SetGroupVersionKind(key.GroupVersionKind())
	if err := c.Get(ctx, client.ObjectKeyFromObject(key), stored); err != nil {
		return err
	}
	text, err := json.Marshal(stored)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, intent)
}

// watched notes each write of the hub in words, and lets it fail where the test says so.
func (h *hub) watched() interceptor.Funcs {
	hit := func(verb, what string) error {
		if h.crashAt >= 0 && h.count >= h.crashAt {
			return errCrash
		}
		if h.fail != nil {
			if err := h.fail(verb, what); err != nil {
				return err
			}
		}
		h.count++
		h.log = append(h.log, what)
		return nil
	}
	answer := func(err error) error {
		if err != nil && h.refused != nil {
			h.refused(err)
		}
		return err
	}
	return interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if h.fail != nil {
				if err := h.fail("get", kindOf(o)+" "+key.String()); err != nil {
					return err
				}
			}
			if key.Namespace == h.absent && kindOf(o) == "VolumeReplicationGroup" {
				h.absent = ""
				return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
			}
			return c.Get(ctx, key, o, opts...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if _, groups := list.(*v1alpha1.VolumeReplicationGroupList); groups && h.blind {
				return nil
			}
			return c.List(ctx, list, opts...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, intent runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			wish := untyped(intent)
			if err := hit("apply", wishInWords(wish)); err != nil {
				return err
			}
			was, is := &v1alpha1.VolumeReplicationGroup{}, &v1alpha1.VolumeReplicationGroup{}
			key := client.ObjectKeyFromObject(wish)
			_ = c.Get(ctx, key, was)
			err := answer(c.Apply(ctx, intent, opts...))
			if c.Get(ctx, key, is) == nil && is.UID == was.UID {
				assert.GreaterOrEqual(h.t, epochText(is), epochText(was), "an epoch never falls (X9)")
			}
			return err
		},
		SubResourceApply: func(ctx context.Context, c client.Client, sub string, intent runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
			if err := hit("apply status", statusInWords(untyped(intent), opts)); err != nil {
				return err
			}
			return answer(c.SubResource(sub).Apply(ctx, intent, opts...))
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			what := "hold " + nameInWords(o)
			switch text, _ := p.Data(o); {
			case strings.Contains(string(text), `"remove"`):
				what = "release " + nameInWords(o)
			case strings.Contains(string(text), "beside"):
				what = "mark " + nameInWords(o)
			}
			if err := hit("patch", what); err != nil {
				return err
			}
			err := c.Patch(ctx, o, p, opts...)
			if err != nil && strings.Contains(err.Error(), "test failed") { // as a real API server says it
				err = apierrors.NewGenericServerResponse(http.StatusUnprocessableEntity, "patch", schema.GroupResource{}, o.GetName(), err.Error(), 0, false)
			}
			return answer(err)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			if err := hit("delete", "remove "+nameInWords(o)); err != nil {
				return err
			}
			return answer(c.Delete(ctx, o, opts...))
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			if _, ok := exchange.ClusterOf(o.GetNamespace()); !ok {
				return apierrors.NewBadRequest("an update would write the whole object, the user's fields too")
			}
			if err := hit("update", "replace "+nameInWords(o)); err != nil {
				return err
			}
			return c.Update(ctx, o, opts...)
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
			if err := hit("update status", "replace decisions"); err != nil {
				return err
			}
			return c.SubResource(sub).Update(ctx, o, opts...)
		},
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if kindOf(o) != "Secret" {
				return apierrors.NewBadRequest("wishes are applied")
			}
			if err := hit("create", "make "+nameInWords(o)); err != nil {
				return err
			}
			return c.Create(ctx, o, opts...)
		},
	}
}

func wishInWords(u *unstructured.Unstructured) string {
	cluster, _ := exchange.ClusterOf(u.GetNamespace())
	if u.GetKind() == "Secret" {
		return "key " + cluster
	}
	at := func(field string) any { v, _, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", field); return v }
	out := fmt.Sprintf("wish %s %v", cluster, at("replicationState"))
	for _, flag := range []string{"prepareForFinalSync", "runFinalSync"} {
		if at(flag) == true {
			out += " " + flag
		}
	}
	if action := at("action"); action != nil {
		out += fmt.Sprintf(" for %v", action)
	}
	out += " epoch " + u.GetAnnotations()["exchange.ramendr.openshift.io/epoch"]
	if uid := u.GetAnnotations()["exchange.ramendr.openshift.io/adopt-uid"]; uid != "" {
		out += " adopting " + uid
	}
	return out
}

func statusInWords(u *unstructured.Unstructured, opts []client.SubResourceApplyOption) string {
	o := &client.SubResourceApplyOptions{}
	o.ApplyOpts(opts)
	if o.FieldManager != "hubctrl-drpc-decisions" {
		return "status"
	}
	var d v1alpha1.DRPlacementControl
	_ = runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &d)
	return "decisions [" + decided(d.Status.Decisions) + "]"
}

func epochText(o client.Object) int64 {
	n, _ := exchange.EpochOf(o)
	return n
}

func nameInWords(o client.Object) string {
	if cluster, ok := exchange.ClusterOf(o.GetNamespace()); ok {
		if kindOf(o) == "Secret" {
			return "key " + cluster
		}
		return "wish " + cluster
	}
	return "drpc " + o.GetName()
}

func kindOf(o client.Object) string { return reflect.TypeOf(o).Elem().Name() }

func untyped(intent runtime.ApplyConfiguration) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	text, err := json.Marshal(intent)
	if err == nil {
		err = u.UnmarshalJSON(text)
	}
	if err != nil {
		panic(err)
	}
	return u
}
