// SPDX-License-Identifier: Apache-2.0

// Package guard watches the requests of the hub's reconcilers: of the objects that users write, and may keep in Git, a
// reconciler changes nothing but finalizers and status. It fails the test, and the request, that breaks this.
package guard

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// users are the kinds that users write.
var users = []string{"DRPlacementControl", "DRPolicy", "DRCluster"}

// Client is c for a reconciler under watch.
func Client(t testing.TB, c client.WithWatch) client.WithWatch {
	refuse := func(err error) error {
		if err != nil {
			t.Errorf("the hub wrote what is its user's: %v", err)
		}
		return err
	}
	whole := func(verb string, o client.Object) error {
		if kind := kindOf(c, o); slices.Contains(users, kind) {
			return refuse(fmt.Errorf("%s of %s %s", verb, kind, o.GetName()))
		}
		return nil
	}
	return interceptor.NewClient(c, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if err := whole("create", o); err != nil {
				return err
			}
			return c.Create(ctx, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			if err := whole("update", o); err != nil {
				return err
			}
			return c.Update(ctx, o, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			if err := whole("delete", o); err != nil {
				return err
			}
			return c.Delete(ctx, o, opts...)
		},
		DeleteAllOf: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteAllOfOption) error {
			if err := whole("delete", o); err != nil {
				return err
			}
			return c.DeleteAllOf(ctx, o, opts...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, intent runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			if err := refuse(applied(intent, "metadata.finalizers")); err != nil {
				return err
			}
			return c.Apply(ctx, intent, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			if err := refuse(patched(kindOf(c, o), o, p)); err != nil {
				return err
			}
			return c.Patch(ctx, o, p, opts...)
		},
		SubResourceApply: func(ctx context.Context, c client.Client, sub string, intent runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
			if err := refuse(applied(intent, sub)); err != nil {
				return err
			}
			return c.SubResource(sub).Apply(ctx, intent, opts...)
		},
		SubResourceCreate: func(ctx context.Context, c client.Client, sub string, o, subObject client.Object, opts ...client.SubResourceCreateOption) error {
			if err := whole("create of "+sub, o); err != nil {
				return err
			}
			return c.SubResource(sub).Create(ctx, o, subObject, opts...)
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
			if sub != "status" { // of which an API server takes nothing else
				if err := whole("update of "+sub, o); err != nil {
					return err
				}
			}
			return c.SubResource(sub).Update(ctx, o, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			if err := whole("patch of "+sub, o); err != nil {
				return err
			}
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	})
}

// applied is an error if the intent names a field of a user's object besides those that tell which object it is, and
// the one that is allowed.
func applied(intent runtime.ApplyConfiguration, allowed string) error {
	text, err := json.Marshal(intent)
	if err != nil {
		return fmt.Errorf("encode intent: %w", err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(text); err != nil {
		return fmt.Errorf("decode intent: %w", err)
	}
	if !slices.Contains(users, u.GetKind()) {
		return nil
	}
	may := []string{"apiVersion", "kind", "metadata.name", "metadata.namespace", "metadata.uid", "metadata.resourceVersion", allowed}
	for field, value := range u.Object {
		fields := []string{field}
		if metadata, ok := value.(map[string]any); ok && field == "metadata" {
			fields = nil
			for name := range metadata {
				fields = append(fields, "metadata."+name)
			}
		}
		for _, f := range fields {
			if !slices.Contains(may, f) {
				return fmt.Errorf("apply of %s of %s %s", f, u.GetKind(), u.GetName())
			}
		}
	}
	return nil
}

// patched is an error if the patch of a user's object changes anything but finalizers.
func patched(kind string, o client.Object, p client.Patch) error {
	if !slices.Contains(users, kind) {
		return nil
	}
	if p.Type() != types.JSONPatchType {
		return fmt.Errorf("%s of %s %s: it can't be told what that changes", p.Type(), kind, o.GetName())
	}
	text, err := p.Data(o)
	if err != nil {
		return fmt.Errorf("read patch: %w", err)
	}
	var ops []struct{ Op, Path string }
	if err := json.Unmarshal(text, &ops); err != nil {
		return fmt.Errorf("decode patch: %w", err)
	}
	for _, op := range ops {
		if op.Op != "test" && op.Path != "/metadata/finalizers" && !strings.HasPrefix(op.Path, "/metadata/finalizers/") {
			return fmt.Errorf("patch, %s of %s of %s %s", op.Op, op.Path, kind, o.GetName())
		}
	}
	return nil
}

func kindOf(c client.Client, o client.Object) string {
	gvk, err := apiutil.GVKForObject(o, c.Scheme())
	if err != nil {
		return ""
	}
	return gvk.Kind
}
