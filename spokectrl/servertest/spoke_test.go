// SPDX-License-Identifier: Apache-2.0

package servertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/mem"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/drclusterconfig"
	"github.com/ramendr/ramen-direct/spokectrl/maintenance"
	"github.com/ramendr/ramen-direct/spokectrl/objects/captures"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/objects/hooks"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/provider/volrep"
	"github.com/ramendr/ramen-direct/spokectrl/provider/volsync"
	"github.com/ramendr/ramen-direct/spokectrl/ranges"
	"github.com/ramendr/ramen-direct/spokectrl/signing"
	"github.com/ramendr/ramen-direct/spokectrl/vrg"
)

const (
	operator = "ramen-system"
	driver   = "lab.csi.ramendr.io"
	soon     = 3 * time.Minute // an API server gives up a request that it cannot serve after one
	often    = 50 * time.Millisecond
)

const configuration = `
s3StoreProfiles:
- {s3ProfileName: s3-dr1, s3Bucket: dr1, s3CompatibleEndpoint: "https://s3.example.com", s3Region: r, s3SecretRef: {name: keys}}
- {s3ProfileName: s3-dr2, s3Bucket: dr2, s3CompatibleEndpoint: "https://s3.example.com", s3Region: r, s3SecretRef: {name: keys}}
`

// spoke is the cluster with our controllers running.
type spoke struct {
	serves  bool   // the wish says that the peer has taken over
	signers string // the keys that it names
	ranges  string // of namespaces, as the wish has them
	t       *testing.T
	client  client.Client // an administrator's
	ns      string
}

// up starts our controllers and makes a namespace for one application.
func up(t *testing.T, ns string) *spoke {
	t.Helper()
	scheme, err := vrg.Scheme()
	require.NoError(t, err)
	c, err := client.New(admin, client.Options{Scheme: scheme})
	require.NoError(t, err)
	s := &spoke{t: t, client: c, ns: ns}
	s.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}})
	s.create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: operator, Name: "ramen-dr-cluster-operator-config"}, Data: map[string]string{"ramen_manager_config.yaml": configuration}})
	s.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operator, Name: "keys"}, Data: map[string][]byte{"AWS_ACCESS_KEY_ID": []byte("a"), "AWS_SECRET_ACCESS_KEY": []byte("s")}})
	s.create(&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "lab-rep", Labels: map[string]string{v1alpha1.LabelStorageID: "lab-dr1"}}, Provisioner: driver})
	server := mem.New()
	for _, b := range []string{"dr1", "dr2"} {
		server.AddBucket(store.Config{Endpoint: "https://s3.example.com", Bucket: b, AccessKey: "a", SecretKey: "s"})
	}
	s.start(server)
	return s
}

func (s *spoke) start(server *mem.Server) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	options, err := vrg.ManagerOptions(operator)
	require.NoError(s.t, err)
	options.Metrics = metricsserver.Options{BindAddress: "0"}
	options.Controller.SkipNameValidation = new(true)
	mgr, err := manager.New(spokectrl, options)
	require.NoError(s.t, err)
	runner, err := hooks.New(spokectrl)
	require.NoError(s.t, err)
	stores := &archive.Archive{Reader: mgr.GetAPIReader(), Open: server.Open, Namespace: operator, Clock: clock.RealClock{}}
	keeper := &signing.Keeper{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Namespace: operator}
	require.NoError(s.t, vrg.Setup(mgr, vrg.Options{
		Archive: stores, Providers: provider.Set{volrep.Provider{}, volsync.Provider{}}, Clock: clock.RealClock{}, Namespace: operator,
		Signing: keeper,
		Objects: cycle.New(engine(s.t, spokectrl), &captures.Keeper{Archive: stores, Clock: clock.RealClock{}}, cycle.Hooks{
			Runner: runner, Journal: &hooks.Journal{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Namespace: operator}, Place: vrg.Place(mgr.GetAPIReader()),
		}, clock.RealClock{}),
	}))
	require.NoError(s.t, ranges.Setup(mgr))
	require.NoError(s.t, maintenance.Setup(mgr))
	require.NoError(s.t, drclusterconfig.Setup(mgr, drclusterconfig.Options{Archive: stores, Clock: clock.RealClock{}, Signing: keeper}))
	stopped := make(chan error, 1)
	go func() { stopped <- mgr.Start(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		require.NoError(s.t, <-stopped)
	})
}

// create makes an object that may be there from another test.
func (s *spoke) create(obj client.Object) {
	s.t.Helper()
	if err := s.client.Create(s.t.Context(), obj); !apierrors.IsAlreadyExists(err) {
		require.NoError(s.t, err)
	}
}

// installCSIAddons installs the definitions of csi-addons and the class, while our controllers run.
func (s *spoke) installCSIAddons() {
	s.t.Helper()
	_, err := envtest.InstallCRDs(admin, envtest.CRDInstallOptions{Paths: []string{csiAddons}, ErrorIfPathMissing: true})
	require.NoError(s.t, err)
	s.create(&replicationv1.VolumeReplicationClass{
		ObjectMeta: metav1.ObjectMeta{Name: "lab-rep-1m", Labels: map[string]string{v1alpha1.LabelStorageID: "lab-dr1", v1alpha1.LabelReplicationID: "lab-rep-1"}},
		Spec:       replicationv1.VolumeReplicationClassSpec{Provisioner: driver, Parameters: map[string]string{"schedulingInterval": "60m"}},
	})
}

// provision makes a claim and its volume; Kubernetes binds them.
func (s *spoke) provision(claim string) { s.t.Helper(); s.provisionOf(claim, "lab-rep") }

func (s *spoke) provisionOf(claim, class string) {
	s.t.Helper()
	size := corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
	s.create(&corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pv-" + s.ns + "-" + claim},
		Spec: corev1.PersistentVolumeSpec{
			StorageClassName: class, Capacity: size, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			ClaimRef:                      &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: s.ns, Name: claim},
			PersistentVolumeSource:        corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: "handle-" + claim}},
		},
	})
	s.create(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: claim, Labels: map[string]string{"app": "x"}},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class, VolumeName: "pv-" + s.ns + "-" + claim, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: size},
		},
	})
}

// wish applies the group, as the mirror does, under its own field manager.
func (s *spoke) wish(role v1alpha1.ReplicationState, epoch int, change ...func(*v1alpha1.VolumeReplicationGroupSpec)) {
	s.t.Helper()
	spec := v1alpha1.VolumeReplicationGroupSpec{
		PVCSelector:      metav1.LabelSelector{MatchLabels: map[string]string{"app": "x"}},
		ReplicationState: role,
		S3Profiles:       []string{"s3-dr1", "s3-dr2"},
		Async:            &v1alpha1.VRGAsyncSpec{SchedulingInterval: "1h"},
	}
	for _, f := range change {
		f(&spec)
	}
	g := &v1alpha1.VolumeReplicationGroup{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "VolumeReplicationGroup"},
		ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "drpc", Annotations: map[string]string{"exchange.ramendr.openshift.io/epoch": fmt.Sprint(epoch)}},
		Spec:       spec,
	}
	if s.serves {
		g.Annotations[v1alpha1.AnnotationPeerServes] = "true"
	}
	if s.signers != "" {
		g.Annotations[v1alpha1.AnnotationSigners] = s.signers
	}
	if s.ranges != "" {
		g.Annotations[v1alpha1.AnnotationNamespaceRanges] = s.ranges
	}
	require.NoError(s.t, s.client.Patch(s.t.Context(), g, client.Apply, client.FieldOwner("mirror"), client.ForceOwnership)) //nolint:staticcheck // a whole typed object
}

// eventually lets the storage work until want holds; what says what is waited for.
func (s *spoke) eventually(what string, want func() bool) {
	s.t.Helper()
	began := time.Now()
	defer func() { s.t.Logf("%s after %s", what, time.Since(began).Round(10*time.Millisecond)) }()
	ok := assert.Eventually(quiet{}, func() bool { s.storage(); return want() }, soon, often)
	if !ok {
		text, err := yaml.Marshal([]any{s.group(), s.claim("data")})
		require.NoError(s.t, err)
		require.Fail(s.t, "never: "+what, string(text))
	}
}

// quiet leaves the report to the caller, who knows more.
type quiet struct{}

func (quiet) Errorf(string, ...any) {}

// storage is a csi-addons that takes each role at once. It polls, so that only our controllers need watches.
func (s *spoke) storage() {
	ctx := s.t.Context()
	list := &replicationv1.VolumeReplicationList{}
	if err := s.client.List(ctx, list, client.InNamespace(s.ns)); err != nil {
		return // not installed
	}
	for i := range list.Items {
		vr := &list.Items[i]
		state, reason := replicationv1.PrimaryState, replicationv1.Promoted
		if vr.Spec.ReplicationState == replicationv1.Secondary {
			state, reason = replicationv1.SecondaryState, replicationv1.Demoted
		}
		if vr.Status.ObservedGeneration == vr.Generation {
			continue
		}
		vr.Status = replicationv1.VolumeReplicationStatus{State: state, ObservedGeneration: vr.Generation}
		for kind, c := range map[string]metav1.Condition{
			"Completed": {Status: metav1.ConditionTrue, Reason: reason},
			"Degraded":  {Status: metav1.ConditionFalse, Reason: "Healthy"},
			"Resyncing": {Status: metav1.ConditionFalse, Reason: "NotResyncing"},
		} {
			c.Type, c.ObservedGeneration = kind, vr.Generation
			meta.SetStatusCondition(&vr.Status.Conditions, c)
		}
		_ = s.client.Status().Update(ctx, vr) // a conflict is tried again
	}
}

func (s *spoke) group() *v1alpha1.VolumeReplicationGroup {
	g := &v1alpha1.VolumeReplicationGroup{}
	_ = s.client.Get(s.t.Context(), client.ObjectKey{Namespace: s.ns, Name: "drpc"}, g)
	return g
}

// is reports whether the group answers its generation with this state.
func (s *spoke) is(state v1alpha1.State) func() bool {
	return func() bool {
		g := s.group()
		return g.Status.State == state && g.Status.ObservedGeneration == g.Generation
	}
}

// says reports whether a condition is so at the group's generation.
func (s *spoke) says(kind, want string) func() bool {
	return func() bool {
		g := s.group()
		c := meta.FindStatusCondition(g.Status.Conditions, kind)
		return c != nil && c.ObservedGeneration == g.Generation && string(c.Status)+"/"+c.Reason == want
	}
}

func (s *spoke) claim(name string) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{}
	if s.client.Get(s.t.Context(), client.ObjectKey{Namespace: s.ns, Name: name}, claim) != nil {
		return nil
	}
	return claim
}

func (s *spoke) pv(claim string) *corev1.PersistentVolume {
	pv := &corev1.PersistentVolume{}
	if s.client.Get(s.t.Context(), client.ObjectKey{Name: "pv-" + s.ns + "-" + claim}, pv) != nil {
		return nil
	}
	return pv
}

func (s *spoke) pod(name, claim string) *corev1.Pod {
	s.t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: name},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken: new(false),
			Containers:                   []corev1.Container{{Name: "c", Image: "image"}},
			Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}}},
		},
	}
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "default"}}
	s.create(sa)
	s.create(pod)
	return pod
}

func (s *spoke) message(kind string) string {
	return meta.FindStatusCondition(s.group().Status.Conditions, kind).Message
}

func metaNamed(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }
