// SPDX-License-Identifier: Apache-2.0

// Package gather collects what somebody needs who helps from afar: the objects of this project's kinds and what is around them,
// events, and the logs of the controllers. It reads with the rights of the user and leaves out what they may not read, with the
// reason. The content of a Secret is never kept: a fingerprint stands for it.
package gather

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

const (
	// page is how many objects one request asks for, and most how many of a kind and namespace are kept.
	page = 500
	most = 20000
	// maxLog is how much of a log is kept, in bytes, from its end.
	maxLog = 4 << 20
	// patience is how long an API server may take for one request, unless the user says otherwise.
	patience = 30 * time.Second
)

// errSilent ends the reading of a cluster that does not answer.
var errSilent = errors.New("the API server does not answer")

// Kind is something to collect.
type Kind struct {
	Resource schema.GroupVersionResource
	// Namespaces in which it is read; empty: all, or it has none.
	Namespaces []string
	// Fields of the objects that are kept; empty: all.
	Fields string
}

func kind(group, version, resource string, namespaces ...string) Kind {
	return Kind{Resource: schema.GroupVersionResource{Group: group, Version: version, Resource: resource}, Namespaces: namespaces}
}

const own = "ramendr.openshift.io"

// eventsOf are the kinds whose events are kept in all namespaces.
var eventsOf = []string{"DRPlacementControl", "VolumeReplicationGroup", "DRCluster", "DRPolicy"}

// Hub is what is collected of a hub: system is the namespace of the controller, boxes are the outboxes and inboxes.
func Hub(system string, boxes []string) []Kind {
	out := []Kind{
		kind(own, "v1alpha1", "drplacementcontrols"), kind(own, "v1alpha1", "drpolicies"), kind(own, "v1alpha1", "drclusters"), kind(own, "v1alpha1", "drclusterconfigs"),
		kind(own, "v1alpha1", "volumereplicationgroups", boxes...),
		kind("coordination.k8s.io", "v1", "leases", append([]string{system}, boxes...)...),
		kind("", "v1", "secrets", append([]string{system}, boxes...)...),
	}
	if len(boxes) > 0 {
		out = append(out, kind("", "v1", "resourcequotas", boxes...), kind("", "v1", "serviceaccounts", boxes...), kind("rbac.authorization.k8s.io", "v1", "rolebindings", boxes...))
	}
	return append(out, around(system, boxes...)...)
}

// Cluster is what is collected of a DR cluster.
func Cluster(system string) []Kind {
	out := []Kind{
		kind(own, "v1alpha1", "volumereplicationgroups"), kind(own, "v1alpha1", "drclusterconfigs"), kind(own, "v1alpha1", "maintenancemodes"),
		kind("replication.storage.openshift.io", "v1alpha1", "volumereplications"), kind("replication.storage.openshift.io", "v1alpha1", "volumereplicationclasses"),
		kind("replication.storage.openshift.io", "v1alpha1", "volumegroupreplications"), kind("replication.storage.openshift.io", "v1alpha1", "volumegroupreplicationclasses"),
		kind("volsync.backube", "v1alpha1", "replicationsources"), kind("volsync.backube", "v1alpha1", "replicationdestinations"),
		kind("storage.k8s.io", "v1", "storageclasses"), kind("", "v1", "persistentvolumeclaims"), kind("", "v1", "persistentvolumes"),
		kind("coordination.k8s.io", "v1", "leases", system), kind("", "v1", "secrets", system),
	}
	return append(out, around(system)...)
}

// around is what is collected everywhere.
func around(system string, boxes ...string) []Kind {
	out := []Kind{
		kind("", "v1", "configmaps", system), kind("", "v1", "pods", system), kind("apps", "v1", "deployments", system), kind("networking.k8s.io", "v1", "networkpolicies", system),
		kind("", "v1", "events", append([]string{system}, boxes...)...),
		kind("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies"), kind("admissionregistration.k8s.io", "v1", "validatingadmissionpolicybindings"),
	}
	for _, k := range eventsOf {
		e := kind("", "v1", "events")
		e.Fields = "involvedObject.kind=" + k
		out = append(out, e)
	}
	return out
}

// Source is a cluster to collect from.
type Source struct {
	// Folder in the archive.
	Folder string
	Config *rest.Config
	Kinds  []Kind
	// Finger is a fingerprint of the content of a Secret.
	Finger  func(map[string][]byte) string
	Archive *Archive
}

// Collect puts all that can be read into the archive. The error is one of writing it, or of ctx.
func (s *Source) Collect(ctx context.Context) error {
	config := rest.CopyConfig(s.Config)
	if config.Timeout == 0 {
		config.Timeout = patience
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	for _, k := range s.Kinds {
		namespaces := k.Namespaces
		if len(namespaces) == 0 {
			namespaces = []string{""}
		}
		for _, ns := range namespaces {
			switch err := s.list(ctx, objects, k, ns); {
			case errors.Is(err, errSilent):
				s.Archive.Miss(s.Folder, "its API server does not answer, so nothing more is read there")
				return nil
			case err != nil:
				return err
			}
		}
	}
	return nil
}

// list puts the objects of a kind and namespace into a file; no file if there are none. The error is errSilent, or one of writing
// or of ctx.
func (s *Source) list(ctx context.Context, objects dynamic.Interface, k Kind, namespace string) error {
	name := s.Folder + "/" + strings.Join(slices.DeleteFunc([]string{namespace, k.Resource.Resource + dotted(k.Resource.Group)}, func(p string) bool { return p == "" }), "/")
	if k.Fields != "" {
		_, of, _ := strings.Cut(k.Fields, "=")
		name += "-of-" + strings.ToLower(of)
	}
	var kept []any
	for next := ""; ; {
		list, err := objects.Resource(k.Resource).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: page, Continue: next, FieldSelector: k.Fields})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			s.Archive.Miss(name, reason(err))
			if answer := apierrors.APIStatus(nil); !errors.As(err, &answer) && len(kept) == 0 {
				return errSilent // the next kind would only take as long
			}
			break // what was read is kept
		}
		for i := range list.Items {
			kept = append(kept, s.keep(&list.Items[i]))
			if k.Resource.Resource == "pods" {
				if err := s.logs(ctx, &list.Items[i]); err != nil {
					return err
				}
			}
		}
		if next = list.GetContinue(); next == "" {
			break
		}
		if len(kept) >= most {
			s.Archive.Miss(name, fmt.Sprintf("cut after %d objects", len(kept)))
			break
		}
	}
	if len(kept) == 0 {
		return nil
	}
	raw, err := marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": kept})
	if err != nil {
		s.Archive.Miss(name, err.Error())
		return nil
	}
	return s.Archive.Put(name+".yaml", raw)
}

func dotted(group string) string {
	if group == "" {
		return ""
	}
	return "." + group
}

func reason(err error) string {
	switch {
	case apierrors.IsForbidden(err):
		return "you may not read it: " + err.Error()
	case apierrors.IsNotFound(err):
		return "the cluster has no such kind"
	}
	return err.Error()
}

// keep is what the archive holds of an object. Of a Secret these are its names and a fingerprint: annotations may repeat the
// content, as the one of kubectl apply does.
func (s *Source) keep(o *unstructured.Unstructured) any {
	if o.GetKind() != "Secret" {
		return o.Object
	}
	data := map[string][]byte{}
	var keys []string
	for _, field := range []string{"data", "stringData"} {
		values, _, _ := unstructured.NestedMap(o.Object, field) // another shape counts as empty
		for k, v := range values {
			text, _ := v.(string)
			if data[k], _ = base64.StdEncoding.DecodeString(text); field == "stringData" {
				data[k] = []byte(text)
			}
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": o.Object["type"], "keys": keys, "fingerprint": s.Finger(data),
		"metadata": map[string]any{"namespace": o.GetNamespace(), "name": o.GetName(), "uid": o.GetUID(), "labels": o.GetLabels(), "creationTimestamp": o.GetCreationTimestamp()},
	}
}

// logs keeps the end of the logs of a Pod, and of the containers that ran before.
func (s *Source) logs(ctx context.Context, pod *unstructured.Unstructured) error {
	config := rest.CopyConfig(s.Config)
	config.APIPath, config.GroupVersion = "/api", &schema.GroupVersion{Version: "v1"}
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	api, err := rest.RESTClientFor(config)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	containers, _, _ := unstructured.NestedSlice(pod.Object, "spec", "containers") // another shape counts as none
	restarted := map[string]bool{}
	states, _, _ := unstructured.NestedSlice(pod.Object, "status", "containerStatuses")
	for _, c := range states {
		one, _ := c.(map[string]any)
		name, _ := one["name"].(string)
		n, _ := one["restartCount"].(int64)
		restarted[name] = n > 0
	}
	for _, c := range containers {
		one, _ := c.(map[string]any)
		container, _ := one["name"].(string)
		for _, previous := range []bool{false, true} {
			if previous && !restarted[container] {
				continue
			}
			name := fmt.Sprintf("%s/%s/logs/%s-%s", s.Folder, pod.GetNamespace(), pod.GetName(), container)
			if previous {
				name += "-previous"
			}
			request := api.Get().Namespace(pod.GetNamespace()).Resource("pods").Name(pod.GetName()).SubResource("log").
				Param("container", container).Param("timestamps", "true").Param("tailLines", "50000").Param("previous", fmt.Sprint(previous))
			raw, err := end(ctx, request)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				s.Archive.Miss(name, reason(err))
				continue
			}
			if err := s.Archive.Put(name+".log", raw); err != nil {
				return err
			}
		}
	}
	return nil
}

// end is the end of a log, of at most maxLog bytes. However long the log is, not more than twice as much is held.
func end(ctx context.Context, request *rest.Request) ([]byte, error) {
	stream, err := request.Stream(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = stream.Close() }() // it was only read
	var held []byte
	part := make([]byte, 64<<10)
	for {
		n, err := stream.Read(part)
		held = append(held, part[:n]...)
		if len(held) > 2*maxLog {
			held = append([]byte(nil), held[len(held)-maxLog:]...)
		}
		if err == io.EOF {
			return held[max(len(held)-maxLog, 0):], nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func marshal(o any) ([]byte, error) { return yaml.Marshal(o) }
