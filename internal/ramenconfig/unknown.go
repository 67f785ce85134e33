// SPDX-License-Identifier: Apache-2.0

package ramenconfig

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// accepted are the fields of Ramen that have no meaning here but are no mistake either.
var accepted = map[string]bool{
	"apiVersion": true, "kind": true, "metadata": true,
	"ramenControllerType": true, "leaderElection": true, "health": true, "metrics": true, "retainNamespaceSCCAcrossPeers": true,
	"s3StoreProfiles[].veleroNamespaceSecretKeyRef": true,
	"drClusterOperator.deploymentAutomationEnabled": true,
	"drClusterOperator.channelName":                 true,
	"drClusterOperator.packageName":                 true,
	"drClusterOperator.catalogSourceName":           true,
	"drClusterOperator.catalogSourceNamespaceName":  true,
	"drClusterOperator.clusterServiceVersionName":   true,
	"volSync.cephFSCSIDriverName":                   true,
}

// unknown lists the paths in given of fields that are neither in Config nor accepted, sorted.
func unknown(given map[string]any) []string {
	var out []string
	look(&out, "", "", given, reflect.TypeFor[Config]())
	slices.Sort(out)
	return out
}

// look compares a value with the type that it is read into. kind is the path without indexes.
func look(out *[]string, path, kind string, given any, into reflect.Type) {
	switch value := given.(type) {
	case []any:
		if into.Kind() != reflect.Slice {
			return
		}
		for i, item := range value {
			look(out, fmt.Sprintf("%s[%d]", path, i), kind+"[]", item, into.Elem())
		}
	case map[string]any:
		if into.Kind() != reflect.Struct {
			return
		}
		for key, item := range value {
			at, of := join(path, key), join(kind, key)
			if field, ok := fieldOf(into, key); ok {
				look(out, at, of, item, field)
			} else if !accepted[of] {
				*out = append(*out, at)
			}
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// fieldOf is the type of the field that key is read into. As the decoder does, it does not care for case.
func fieldOf(of reflect.Type, key string) (reflect.Type, bool) {
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "-" && strings.EqualFold(name, key) {
			return field.Type, true
		}
	}
	return nil, false
}
