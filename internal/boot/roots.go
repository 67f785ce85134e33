// SPDX-License-Identifier: Apache-2.0

package boot

// The images hold nothing but the program. Where the system has no certificate authorities, those of Mozilla are taken,
// so that object stores with a public certificate are trusted. A folder of authorities that is mounted at
// /etc/ssl/certs comes first.
import _ "golang.org/x/crypto/x509roots/fallback"
