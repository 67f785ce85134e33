// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/minio/minio-go/v7"

	"github.com/ramendr/ramen-direct/internal/store"
)

// explain turns what the library returned into a reason and into words that say what to change. Nil stays nil. ctx is
// the context of the call, and doing names the call.
func (b *bucket) explain(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	var answer minio.ErrorResponse
	if errors.As(err, &answer) && answer.Code != "" {
		return b.explainAnswer(doing, answer)
	}
	err = steady(err)
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err)
	}
	return b.fail(store.ReasonUnreachable, fmt.Errorf("%s: %w", doing, b.explainSilence(err)))
}

// explainAnswer is for a store that answered with an error.
func (b *bucket) explainAnswer(doing string, answer minio.ErrorResponse) error {
	fail := func(reason store.Reason, format string, args ...any) error {
		return b.fail(reason, fmt.Errorf("%s: %s (%s): %w", doing, fmt.Sprintf(format, args...), answer.Code, answer))
	}
	switch answer.Code {
	case minio.PreconditionFailed, "ConditionalRequestConflict":
		return b.fail(store.ReasonError, fmt.Errorf("%s: %w", doing, store.ErrChanged))
	case minio.NotImplemented:
		return b.fail(store.ReasonError, fmt.Errorf("%s: %w", doing, store.ErrUnconditional))
	case minio.NoSuchKey:
		return fmt.Errorf("S3 profile %s: %s: %w", b.cfg.Profile, doing, store.ErrNotFound)
	case minio.NoSuchBucket:
		return fail(store.ReasonBucketNotFound, "there is no bucket %q at %s", b.cfg.Bucket, b.cfg.Endpoint)
	case minio.InvalidAccessKeyID, "XAdminUserNotFound": // the latter from versitygw
		return fail(store.ReasonAccessDenied, "the store does not know the access key: check %s in the Secret", store.SecretKeyAccess)
	case minio.SignatureDoesNotMatch:
		return fail(store.ReasonAccessDenied, "the secret key is wrong: check %s in the Secret", store.SecretKeySecret)
	case minio.AccessDenied:
		return fail(store.ReasonAccessDenied, "the keys may not use bucket %q", b.cfg.Bucket)
	case minio.InvalidBucketName:
		return fail(store.ReasonBadProfile, "s3Bucket %q is no valid name of a bucket", b.cfg.Bucket)
	case minio.AuthorizationHeaderMalformed, minio.InvalidRegion, "IncorrectEndpoint", "PermanentRedirect":
		return fail(store.ReasonBadProfile, "s3Region %q is not the region of bucket %q", b.cfg.Region, b.cfg.Bucket)
	case minio.RequestTimeTooSkewed:
		return fail(store.ReasonError, "the clocks of this machine and of the store differ too much")
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fail(store.ReasonAccessDenied, "the store refused the keys")
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fail(store.ReasonUnreachable, "the store at %s is not available", b.cfg.Endpoint)
	}
	return fail(store.ReasonError, "the store answered with an error")
}

// explainSilence is for a store that did not answer. Equal causes read equal: the text ends up in conditions, which are
// written only when they change.
func (b *bucket) explainSilence(err error) error {
	at := b.cfg.Endpoint
	var (
		dns       *net.DNSError
		network   net.Error
		tlsRecord tls.RecordHeaderError
		untrusted *tls.CertificateVerificationError
		hostname  x509.HostnameError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("canceled: %w", err)
	case errors.As(err, &hostname):
		return fmt.Errorf("the TLS certificate of %s is for another name: %w", at, err)
	case errors.As(err, &untrusted):
		return fmt.Errorf("the TLS certificate of %s is not trusted, set caCertificates of the profile to its CA: %w", at, err)
	case errors.As(err, &tlsRecord), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fmt.Errorf("%s does not speak TLS, the endpoint may have to start with http://: %w", at, err)
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("the host name of %s is not known", at)
	case errors.As(err, &dns):
		return fmt.Errorf("the host name of %s can't be looked up", at)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s: %w", at, err)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return fmt.Errorf("no answer from %s in time: %w", at, err)
	default:
		return fmt.Errorf("no answer from %s: %w", at, err)
	}
}

// steady is err without what differs from one attempt to the next: the query of the request, the local port.
func steady(err error) error {
	if request := (*url.Error)(nil); errors.As(err, &request) {
		err = request.Err
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return &net.OpError{Op: op.Op, Net: op.Net, Addr: op.Addr, Err: op.Err}
	}
	return err
}
