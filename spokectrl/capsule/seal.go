// SPDX-License-Identifier: Apache-2.0

package capsule

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha512"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// What is secret in a store is sealed for the clusters that may read it, with the keys whose public halves the hub hands on
// anyway. An Ed25519 key is used for X25519 as OpenSSH's keys are in age: by the map between the two forms of the curve. What is
// sealed is HPKE (RFC 9180) of X25519, HKDF-SHA256 and AES-256-GCM.

// sealedAs precedes what a sealed text is about: the key opens nothing else.
const sealedAs = "ramen-capsule-sealed/1\n"

// Seal makes a text that only the cluster with this public key can read. about is what it belongs to: Unseal needs the same.
func Seal(public, about string, plain []byte) ([]byte, error) {
	key := publicOf(public)
	if key == nil {
		return nil, fmt.Errorf("seal: %.60q is not the key of a cluster", public)
	}
	u, err := montgomery(key)
	if err != nil {
		return nil, err
	}
	to, err := hpke.DHKEM(ecdh.X25519()).NewPublicKey(u)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	out, err := hpke.Seal(to, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(sealedAs+about), plain)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return out, nil
}

// Unseal reads what was sealed for k.
func (k Key) Unseal(about string, sealed []byte) ([]byte, error) {
	if k.private == nil {
		return nil, errors.New("unseal: this cluster has no key")
	}
	// The scalar of an Ed25519 key, as RFC 8032 makes it; X25519 clamps it.
	scalar := sha512.Sum512(k.private.Seed())
	private, err := hpke.DHKEM(ecdh.X25519()).NewPrivateKey(scalar[:32])
	if err != nil {
		return nil, errors.New("unseal: the key of this cluster can't be used")
	}
	plain, err := hpke.Open(private, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(sealedAs+about), sealed)
	if err != nil {
		return nil, errors.New("unseal: it was not sealed for this cluster, or it was changed since")
	}
	return plain, nil
}

// montgomery is the X25519 form of a public key: u = (1+y)/(1-y) mod p, in little-endian order.
func montgomery(key ed25519.PublicKey) ([]byte, error) {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	bytes := slices.Clone(key)
	bytes[31] &= 0x7f // the sign of x
	slices.Reverse(bytes)
	y := new(big.Int).SetBytes(bytes)
	inverse := new(big.Int).ModInverse(new(big.Int).Mod(new(big.Int).Sub(big.NewInt(1), y), p), p)
	if y.Cmp(p) >= 0 || inverse == nil {
		return nil, errors.New("seal: the key of the cluster is no point of the curve")
	}
	u := new(big.Int).Mod(new(big.Int).Mul(new(big.Int).Add(big.NewInt(1), y), inverse), p)
	out := u.FillBytes(make([]byte, 32))
	slices.Reverse(out)
	return out, nil
}
