// SPDX-License-Identifier: Apache-2.0

package capsule_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

var signedGroup = capsule.Group{Namespace: "app", Name: "g"}

func newKey(t *testing.T) capsule.Key {
	t.Helper()
	key, err := capsule.NewKey()
	require.NoError(t, err)
	return key
}

func signed(t *testing.T, g capsule.Group, key capsule.Key) string {
	t.Helper()
	m := &capsule.Manifest{Epoch: 3, Cluster: "c1", Serial: 7, Objects: map[string]capsule.Sum{g.PV("pv<&>"): {SHA256: "one"}}}
	require.NoError(t, m.Sign(g, key))
	body, err := m.Encode()
	require.NoError(t, err)
	return string(body)
}

func TestASignatureIsOfTheWholeManifest(t *testing.T) {
	key := newKey(t)
	body := signed(t, signedGroup, key)
	trust := capsule.Trust{Stored: true, Signers: []string{newKey(t).Public(), key.Public()}}
	m, err := capsule.DecodeManifest(signedGroup, []byte(body))
	require.NoError(t, err)
	assert.True(t, trust.Vouched(m))
	assert.Empty(t, trust.Refuses(m))

	var compact any
	require.NoError(t, json.Unmarshal([]byte(body), &compact))
	other, err := json.Marshal(compact)
	require.NoError(t, err)
	m, err = capsule.DecodeManifest(signedGroup, other)
	require.NoError(t, err)
	assert.True(t, trust.Vouched(m), "spaces and order mean nothing")

	for name, change := range map[string]func(string) string{
		"another epoch":     func(s string) string { return strings.Replace(s, `"epoch": 3`, `"epoch": 4`, 1) },
		"another checksum":  func(s string) string { return strings.Replace(s, `"one"`, `"two"`, 1) },
		"another cluster":   func(s string) string { return strings.Replace(s, `"c1"`, `"c2"`, 1) },
		"a field repeated":  func(s string) string { return strings.Replace(s, `"epoch": 3`, `"epoch": 3, "epoch": 4`, 1) },
		"another spelling":  func(s string) string { return strings.Replace(s, `"epoch": 3`, `"epoch": 3, "Epoch": 4`, 1) },
		"an unknown field":  func(s string) string { return strings.Replace(s, `"epoch": 3`, `"epoch": 3, "more": 4`, 1) },
		"another signer":    func(s string) string { return strings.Replace(s, key.Public(), newKey(t).Public(), 1) },
		"no key as signer":  func(s string) string { return strings.Replace(s, key.Public(), "me", 1) },
		"another signature": func(s string) string { return strings.Replace(s, `"signature": "`, `"signature": "AAAA`, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			changed := change(body)
			require.NotEqual(t, body, changed)
			m, err := capsule.DecodeManifest(signedGroup, []byte(changed))
			require.NoError(t, err)
			assert.False(t, trust.Vouched(m))
			assert.Contains(t, trust.Refuses(m), "changed after it was signed")
			assert.NotEmpty(t, capsule.Trust{}.Refuses(m), "whatever is known of the group")
		})
	}
}

// TestNoFieldIsReadInTwoWays : of a repeated field, what is read is what was signed.
func TestNoFieldIsReadInTwoWays(t *testing.T) {
	key := newKey(t)
	body := signed(t, signedGroup, key)
	forged := strings.Replace(body, `"objects": {`, `"objects": {"app/g/v1.PersistentVolume/forged": {"sha256": "x"}}, "objects": {`, 1)
	m, err := capsule.DecodeManifest(signedGroup, []byte(forged))
	require.NoError(t, err)
	assert.True(t, m.SignedBy(key.Public()))
	assert.Equal(t, []string{"app/g/v1.PersistentVolume/pv<&>"}, m.Keys())
}

func TestASignatureIsForOneGroup(t *testing.T) {
	key := newKey(t)
	m := &capsule.Manifest{Epoch: 1}
	require.NoError(t, m.Sign(capsule.Group{Namespace: "app", Name: "other"}, key))
	body, err := m.Encode()
	require.NoError(t, err)
	m, err = capsule.DecodeManifest(signedGroup, body)
	require.NoError(t, err)
	assert.NotEmpty(t, capsule.Trust{Stored: true, Signers: []string{key.Public()}}.Refuses(m))
}

func TestWhoIsBelieved(t *testing.T) {
	key := newKey(t)
	by := func(k capsule.Key) *capsule.Manifest {
		m, err := capsule.DecodeManifest(signedGroup, []byte(signed(t, signedGroup, k)))
		require.NoError(t, err)
		return m
	}
	known := capsule.Trust{Stored: true, Signers: []string{key.Public()}}
	for name, tc := range map[string]struct {
		trust capsule.Trust
		m     *capsule.Manifest
		says  string // empty: it is believed
	}{
		"a cluster of the group":                         {known, by(key), ""},
		"somebody else":                                  {known, by(newKey(t)), "the key of no cluster of this group"},
		"nobody":                                         {known, by(capsule.Key{}), "it is not signed"},
		"nobody, without a manifest":                     {known, &capsule.Manifest{Foreign: true}, "objects without a manifest"},
		"nobody, while the group is not known":           {capsule.Trust{}, by(capsule.Key{}), ""},
		"Ramen, while the group is not known":            {capsule.Trust{}, &capsule.Manifest{Foreign: true}, ""},
		"a key that the hub has not heard of yet, as is": {capsule.Trust{Signers: []string{key.Public()}}, by(newKey(t)), ""},
		"a group without signers":                        {capsule.Trust{Stored: true}, by(key), "the key of no cluster of this group"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.says == "" {
				assert.Empty(t, tc.trust.Refuses(tc.m))
			} else {
				assert.Contains(t, tc.trust.Refuses(tc.m), tc.says)
			}
		})
	}
}

func TestAKeyIsReadAsItWasWritten(t *testing.T) {
	key := newKey(t)
	text, err := key.PEM()
	require.NoError(t, err)
	again, err := capsule.ParseKey(text)
	require.NoError(t, err)
	assert.Equal(t, key.Public(), again.Public())
	assert.True(t, capsule.IsPublic(key.Public()))
	assert.False(t, capsule.IsPublic("AAAA"))
	assert.Empty(t, capsule.Key{}.Public())
	for _, bad := range []string{"", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		_, err = capsule.ParseKey([]byte(bad))
		require.Error(t, err)
	}
}
