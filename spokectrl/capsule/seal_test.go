// SPDX-License-Identifier: Apache-2.0

package capsule_test

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

func TestOnlyTheClusterThatATextIsSealedForReadsIt(t *testing.T) {
	for range 20 {
		mine, err := capsule.NewKey()
		require.NoError(t, err)
		other, err := capsule.NewKey()
		require.NoError(t, err)
		sealed, err := capsule.Seal(mine.Public(), "ns/app/1", []byte("secret"))
		require.NoError(t, err)
		assert.NotContains(t, string(sealed), "secret")

		plain, err := mine.Unseal("ns/app/1", sealed)
		require.NoError(t, err)
		assert.Equal(t, "secret", string(plain))
		_, err = other.Unseal("ns/app/1", sealed)
		assert.ErrorContains(t, err, "not sealed for this cluster")
		_, err = mine.Unseal("ns/other/1", sealed)
		require.Error(t, err, "a text of another group is no text of this one")
		sealed[len(sealed)-1] ^= 1
		_, err = mine.Unseal("ns/app/1", sealed)
		require.Error(t, err)
		_, err = capsule.Key{}.Unseal("ns/app/1", sealed)
		require.Error(t, err)
	}
}

func TestATextIsSealedForKeysOnly(t *testing.T) {
	for name, public := range map[string]string{
		"no key":          "",
		"half a key":      base64.StdEncoding.EncodeToString(make([]byte, 16)),
		"a point of none": base64.StdEncoding.EncodeToString(append([]byte{1}, make([]byte, 31)...)), // y = 1
	} {
		_, err := capsule.Seal(public, "", []byte("secret"))
		assert.Error(t, err, name)
	}
}

// The two forms of a key belong together: what the standard library makes of the private half is what we make of the public.
func TestBothHalvesOfAKeyBecomeTheSameKeyForSealing(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	scalar := sha512.Sum512(private.Seed())
	x, err := ecdh.X25519().NewPrivateKey(scalar[:32])
	require.NoError(t, err)
	u, err := capsule.Montgomery(public)
	require.NoError(t, err)
	assert.Equal(t, x.PublicKey().Bytes(), u)
}
