// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	clientgoac "k8s.io/client-go/applyconfigurations"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"

	"github.com/ramendr/ramen-direct/spokectrl/vrg"
)

// known is what the API server of a cluster knows of its objects.
type known struct {
	scheme     *runtime.Scheme
	converters []managedfields.TypeConverter
}

// shared is what all clusters know: to make it costs much. The converters are those that the fake client would make.
var shared = sync.OnceValues(func() (known, error) {
	ours, err := vrg.Scheme()
	if err != nil {
		return known{}, err
	}
	kubernetes := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(kubernetes); err != nil {
		return known{}, err
	}
	return known{ours, []managedfields.TypeConverter{clientgoac.NewTypeConverter(kubernetes), managedfields.NewDeducedTypeConverter()}}, nil
})
