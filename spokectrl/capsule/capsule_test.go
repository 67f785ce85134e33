// SPDX-License-Identifier: Apache-2.0

package capsule_test

import (
	"bytes"
	"compress/gzip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

const prefix = "volumereplicationgroups.ramendr.openshift.io/"

var group = capsule.Group{Namespace: "app", Name: "g"}

func vrg() *v1alpha1.VolumeReplicationGroup {
	return &v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: "g", UID: "u", ResourceVersion: "5"}}
}

// pair is a claim and its volume as they are on the cluster that uploads them.
func pair() capsule.Pair {
	return capsule.Pair{
		PVC: &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "app", Name: "data", UID: "claim-uid", ResourceVersion: "7", Finalizers: []string{"kubernetes.io/pvc-protection"},
				Labels: map[string]string{"app": "x", v1alpha1.LabelOwnerName: "g", v1alpha1.LabelOwnerNamespace: "app"},
				Annotations: map[string]string{
					"team": "a", prefix + "vr-protected": "protected", "pv.kubernetes.io/bind-completed": "yes",
					"replication.storage.openshift.io/volume-replication-name": "data", "volume.kubernetes.io/selected-node": "n",
				},
				OwnerReferences: []metav1.OwnerReference{{Name: "x"}},
			},
			Spec:   corev1.PersistentVolumeClaimSpec{VolumeName: "pv", StorageClassName: new("sc")},
			Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
		},
		PV: &corev1.PersistentVolume{
			ObjectMeta: metav1.ObjectMeta{Name: "pv", UID: "pv-uid", ResourceVersion: "8", Annotations: map[string]string{"pool": "fast"}},
			Spec: corev1.PersistentVolumeSpec{
				StorageClassName: "sc", PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
				ClaimRef: &corev1.ObjectReference{Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: "app", Name: "data", UID: "claim-uid", ResourceVersion: "7"},
				PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
					Driver: "d", VolumeHandle: "h", VolumeAttributes: map[string]string{"clusterID": "c1"},
					NodeStageSecretRef: &corev1.SecretReference{Namespace: "c1", Name: "stage"},
				}},
			},
		},
	}
}

// stored is what comes back out of a store.
func stored(t *testing.T, change ...func(capsule.Pair)) capsule.Pair {
	t.Helper()
	p := pair()
	for _, f := range change {
		f(p)
	}
	content, err := capsule.Build(vrg(), []capsule.Pair{p})
	require.NoError(t, err)
	m, bodies := sealed(content)
	pairs, err := capsule.Open(group, m, bodies)
	require.NoError(t, err)
	require.Len(t, pairs, 1)
	return pairs[0]
}

func sealed(content capsule.Content) (*capsule.Manifest, map[string][]byte) {
	m := &capsule.Manifest{Epoch: 1, Objects: map[string]capsule.Sum{}}
	bodies := map[string][]byte{}
	for key, o := range content {
		m.Objects[key] = capsule.Sum{SHA256: o.Sum}
		bodies[key] = o.Body
	}
	return m, bodies
}

func TestNothingOfOneClusterIsCarriedToAnother(t *testing.T) {
	p := stored(t)
	pvc, pv := capsule.NewPVC(p), capsule.NewPV(p, class())
	assert.Equal(t, map[string]string{"team": "a", prefix + "ramen-restore": "True", prefix + "restored-from": "pv"}, pvc.Annotations)
	assert.Equal(t, map[string]string{"app": "x"}, pvc.Labels)
	assert.Empty(t, pvc.UID)
	assert.Empty(t, pvc.ResourceVersion)
	assert.Empty(t, pvc.Finalizers)
	assert.Empty(t, pvc.OwnerReferences)
	assert.Empty(t, pvc.Status)
	assert.Equal(t, "pv", pvc.Spec.VolumeName)
	assert.Equal(t, &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: "app", Name: "data"}, pv.Spec.ClaimRef)
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, pv.Spec.PersistentVolumeReclaimPolicy)
	assert.Equal(t, map[string]string{"pool": "fast", prefix + "ramen-restore": "True", "pv.kubernetes.io/provisioned-by": "d"}, pv.Annotations)
	assert.Equal(t, corev1.PersistentVolumeReclaimDelete, capsule.OriginalPolicy(p.PV))
}

func TestTheOriginalPolicyTravels(t *testing.T) {
	for name, tc := range map[string]struct {
		policy corev1.PersistentVolumeReclaimPolicy
		note   string
		want   corev1.PersistentVolumeReclaimPolicy
	}{
		"not retained yet":         {"Delete", "", "Delete"},
		"retained by us":           {"Retain", "Delete", "Delete"},
		"retained from the start":  {"Retain", "", "Retain"},
		"recycled":                 {"Retain", "Recycle", "Recycle"},
		"retained by Ramen itself": {"Retain", "retained", "Delete"},
		"a note that is no policy": {"Retain", "yes", "Retain"},
	} {
		t.Run(name, func(t *testing.T) {
			p := stored(t, func(p capsule.Pair) {
				p.PV.Spec.PersistentVolumeReclaimPolicy = tc.policy
				if tc.note != "" {
					p.PV.Annotations[prefix+"vr-retained"] = tc.note
				}
			})
			assert.Equal(t, tc.want, capsule.OriginalPolicy(p.PV))
		})
	}
}

func TestEachSecretGoesToItsOwnField(t *testing.T) {
	params := map[string]string{"clusterID": "c2"}
	for _, kind := range []string{"provisioner", "controller-publish", "controller-expand", "node-stage", "node-publish", "node-expand"} {
		params["csi.storage.k8s.io/"+kind+"-secret-name"] = kind
		params["csi.storage.k8s.io/"+kind+"-secret-namespace"] = "ns"
	}
	params["csi.storage.k8s.io/node-publish-secret-name"] = "${pvc.name}"
	params["csi.storage.k8s.io/node-expand-secret-name"] = "${pvc.annotations['secret']}"
	pv := capsule.NewPV(stored(t), &storagev1.StorageClass{Provisioner: "d", Parameters: params})
	ref := func(name string) *corev1.SecretReference { return &corev1.SecretReference{Namespace: "ns", Name: name} }
	assert.Equal(t, ref("controller-publish"), pv.Spec.CSI.ControllerPublishSecretRef)
	assert.Equal(t, ref("controller-expand"), pv.Spec.CSI.ControllerExpandSecretRef)
	assert.Equal(t, ref("node-stage"), pv.Spec.CSI.NodeStageSecretRef)
	assert.Equal(t, ref("data"), pv.Spec.CSI.NodePublishSecretRef)
	assert.Nil(t, pv.Spec.CSI.NodeExpandSecretRef, "anyone who writes to the store would choose it")
	assert.Equal(t, "c2", pv.Spec.CSI.VolumeAttributes["clusterID"])
	assert.Equal(t, "provisioner", pv.Annotations["volume.kubernetes.io/provisioner-deletion-secret-name"])
}

func TestCompare(t *testing.T) {
	bound := func() capsule.Here { p := pair(); return capsule.Here{PV: p.PV, PVC: p.PVC, Class: class()} }
	for name, tc := range map[string]struct {
		change func(*capsule.Here)
		want   capsule.Move
		why    string
	}{
		"nothing here":                 {func(h *capsule.Here) { *h = capsule.Here{Class: class()} }, capsule.CreatePV, ""},
		"all here":                     {func(*capsule.Here) {}, capsule.Present, ""},
		"a released volume":            {func(h *capsule.Here) { h.PVC = nil }, capsule.FreePV, ""},
		"a volume of a former claim":   {func(h *capsule.Here) { h.PVC.UID = "new" }, capsule.FreePV, ""},
		"a free volume":                {func(h *capsule.Here) { h.PVC, h.PV.Spec.ClaimRef.UID = nil, "" }, capsule.CreateClaim, ""},
		"a claim that is not bound":    {func(h *capsule.Here) { h.PVC.Spec.VolumeName, h.PV = "", nil }, capsule.CreatePV, ""},
		"a volume without its policy":  {func(h *capsule.Here) { h.PV.Annotations[prefix+"ramen-restore"] = "True" }, capsule.KeepPV, ""},
		"no class":                     {func(h *capsule.Here) { *h = capsule.Here{} }, capsule.Conflict, `StorageClass "sc"`},
		"a class of another driver":    {func(h *capsule.Here) { *h = capsule.Here{Class: &storagev1.StorageClass{Provisioner: "x"}} }, capsule.Conflict, "provisioner x"},
		"no class any more":            {func(h *capsule.Here) { h.Class = nil }, capsule.Present, ""},
		"another handle":               {func(h *capsule.Here) { h.PV.Spec.CSI.VolumeHandle = "x" }, capsule.Conflict, `"x"`},
		"another driver":               {func(h *capsule.Here) { h.PV.Spec.CSI.Driver = "x" }, capsule.Conflict, "driver x"},
		"another type":                 {func(h *capsule.Here) { h.PV.Spec.CSI = nil }, capsule.Conflict, "another type"},
		"another claim":                {func(h *capsule.Here) { h.PV.Spec.ClaimRef.Name = "x" }, capsule.Conflict, "app/x"},
		"a claim bound elsewhere":      {func(h *capsule.Here) { h.PVC.Spec.VolumeName = "x" }, capsule.Conflict, "PersistentVolume x"},
		"a claim that is deleted":      {func(h *capsule.Here) { h.PVC.DeletionTimestamp = &metav1.Time{} }, capsule.Wait, "app/data"},
		"a volume that is deleted":     {func(h *capsule.Here) { h.PV.DeletionTimestamp = &metav1.Time{} }, capsule.Wait, "pv"},
		"a volume that nobody claimed": {func(h *capsule.Here) { h.PV.Spec.ClaimRef = nil }, capsule.Present, ""},
	} {
		t.Run(name, func(t *testing.T) {
			here := bound()
			tc.change(&here)
			move, why := capsule.Compare(stored(t), here)
			assert.Equal(t, tc.want, move)
			assert.Contains(t, why, tc.why)
			assert.Equal(t, tc.why == "", why == "")
		})
	}
}

// class is the one of the stored volume, as the other cluster has it.
func class() *storagev1.StorageClass { return &storagev1.StorageClass{Provisioner: "d"} }

// TestAForgedVolumeIsNotRestored : someone who may write to a bucket must not get at nodes, at Secrets or at the storage of others.
func TestAForgedVolumeIsNotRestored(t *testing.T) {
	for name, source := range map[string]corev1.PersistentVolumeSource{
		"a path of the node": {HostPath: &corev1.HostPathVolumeSource{Path: "/"}},
		"a local volume":     {Local: &corev1.LocalVolumeSource{Path: "/"}},
		"a server":           {NFS: &corev1.NFSVolumeSource{Server: "s", Path: "/"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := stored(t, func(p capsule.Pair) { p.PV.Spec.PersistentVolumeSource = source })
			for _, here := range []capsule.Here{{Class: class()}, {PV: p.PV, Class: class()}} {
				move, why := capsule.Compare(p, here)
				assert.Equal(t, capsule.Conflict, move)
				assert.Contains(t, why, "no CSI volume")
			}
		})
	}
	other := stored(t)
	other.PVC.Spec.StorageClassName = new("other")
	move, why := capsule.Compare(other, capsule.Here{Class: class()})
	assert.Equal(t, capsule.Conflict, move)
	assert.Contains(t, why, `StorageClass "sc"`)

	pv := capsule.NewPV(stored(t, func(p capsule.Pair) {
		secret := &corev1.SecretReference{Namespace: "kube-system", Name: "admin"}
		csi := p.PV.Spec.CSI
		csi.ControllerPublishSecretRef, csi.ControllerExpandSecretRef, csi.NodeStageSecretRef, csi.NodePublishSecretRef, csi.NodeExpandSecretRef = secret, secret, secret, secret, secret
		p.PV.Spec.HostPath = &corev1.HostPathVolumeSource{Path: "/"}
		p.PV.Spec.MountOptions = []string{"suid"}
		p.PV.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{}
		p.PV.Annotations["volume.kubernetes.io/provisioner-deletion-secret-name"] = "admin"
		p.PV.Annotations["pv.kubernetes.io/migrated-to"] = "x"
		p.PV.Annotations["pv.kubernetes.io/provisioned-by"] = "x"
	}), class())
	assert.Equal(t, map[string]string{"pool": "fast", prefix + "ramen-restore": "True", "pv.kubernetes.io/provisioned-by": "d"}, pv.Annotations)
	assert.Equal(t, corev1.PersistentVolumeSpec{
		StorageClassName: "sc", PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
		ClaimRef: &corev1.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: "app", Name: "data"},
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
			Driver: "d", VolumeHandle: "h", VolumeAttributes: map[string]string{"clusterID": "c1"},
		}},
	}, pv.Spec)
}

func TestOpenRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*capsule.Manifest, map[string][]byte)
		says   string
	}{
		"a missing object":           {func(_ *capsule.Manifest, b map[string][]byte) { delete(b, group.PV("pv")) }, "missing"},
		"a changed object":           {func(m *capsule.Manifest, _ map[string][]byte) { m.Objects[group.PV("pv")] = capsule.Sum{SHA256: "0"} }, "checksum"},
		"a claim without its volume": {func(m *capsule.Manifest, _ map[string][]byte) { delete(m.Objects, group.PV("pv")) }, "without its PersistentVolume"},
		"a volume without its claim": {func(m *capsule.Manifest, _ map[string][]byte) { delete(m.Objects, group.PVC("app", "data")) }, "without its claim"},
		"a body that is no gzip":     {func(_ *capsule.Manifest, b map[string][]byte) { b[group.PV("pv")] = []byte("x") }, "decompress"},
		"an object under another name": {func(m *capsule.Manifest, b map[string][]byte) {
			k := group.PV("other")
			m.Objects[k], b[k] = m.Objects[group.PV("pv")], b[group.PV("pv")]
		}, `"pv"`},
	} {
		t.Run(name, func(t *testing.T) {
			content, err := capsule.Build(vrg(), []capsule.Pair{pair()})
			require.NoError(t, err)
			m, bodies := sealed(content)
			tc.change(m, bodies)
			_, err = capsule.Open(group, m, bodies)
			require.ErrorContains(t, err, tc.says)
		})
	}
}

func TestAnAnnouncedChecksumIsVouchedFor(t *testing.T) {
	m := &capsule.Manifest{Objects: map[string]capsule.Sum{"k": {SHA256: "old", Next: "new"}, "l": {SHA256: "x"}}}
	assert.True(t, m.Vouches("k", "old"))
	assert.True(t, m.Vouches("k", "new"))
	assert.False(t, m.Vouches("k", "other"))
	assert.False(t, m.Vouches("l", ""))
	assert.False(t, m.Vouches("absent", ""))
}

func TestTheNewerManifestIsThatOfTheHigherEpoch(t *testing.T) {
	old, now := &capsule.Manifest{Epoch: 1, Serial: 9}, &capsule.Manifest{Epoch: 2, Serial: 1}
	assert.True(t, now.Newer(old))
	assert.False(t, old.Newer(now))
	assert.True(t, old.Newer(nil))
	assert.True(t, (&capsule.Manifest{Epoch: 2, Serial: 2}).Newer(now))
}

func TestABombIsRefused(t *testing.T) {
	var body bytes.Buffer
	w := gzip.NewWriter(&body)
	zeros := make([]byte, 1<<20)
	for range 64 {
		_, err := w.Write(zeros)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.Less(t, body.Len(), 1<<17)
	_, err := capsule.Decode(body.Bytes(), &corev1.PersistentVolume{})
	require.ErrorIs(t, err, capsule.ErrTooLarge)
}

func FuzzDecodeManifest(f *testing.F) {
	f.Add([]byte(`{"version":1,"epoch":2,"objects":{"app/g/v1.PersistentVolume/pv":{"sha256":"a"}}}`))
	f.Add([]byte(`{"version":1,"objects":{"other/g/x":{}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := capsule.DecodeManifest(group, body)
		if err != nil {
			return
		}
		for _, key := range m.Keys() {
			require.Contains(t, key, group.Prefix(), "a manifest never names what is not of its group")
		}
		again, err := m.Encode()
		require.NoError(t, err)
		copied, err := capsule.DecodeManifest(group, again)
		require.NoError(t, err)
		require.Equal(t, len(m.Objects), len(copied.Objects))
	})
}

func FuzzDecode(f *testing.F) {
	o, err := capsule.Encode(pair().PV)
	require.NoError(f, err)
	f.Add(o.Body)
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, body []byte) {
		pv := &corev1.PersistentVolume{}
		if _, err := capsule.Decode(body, pv); err != nil {
			return
		}
		_, err := capsule.Encode(pv)
		require.NoError(t, err)
	})
}
