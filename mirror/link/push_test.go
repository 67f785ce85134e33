// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/mirror/credential"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/fleet"
	"github.com/ramendr/ramen-direct/mirror/link"
)

// inPushMode are the tests that run a second time with a mirror on the hub, as config/mirror/push has it: the same link, but
// with the rights, the connections and the election of a mirror that keeps many.
var inPushMode = map[string]func(*testing.T){
	"config":                 TestDRClusterConfigGoesDownAndItsStatusComesUp,
	"namespaces":             TestNamespacesOfTheExchangeOnASpokeAreIgnored,
	"both sides":             TestX11_ChangesOnBothSidesAtOnceConverge,
	"recreated copy":         TestX6_ARecreatedCopyIsAnotherOne,
	"wiped namespace":        TestX12_AWipedNamespaceIsMadeAgain,
	"no renewal":             TestX5_NoRenewalWhileAFactIsNotWritten,
	"not listed":             TestX5_NoRenewalBeforeTheSpokeWasListed,
	"every five seconds":     TestX5_TheLeaseIsRenewedAtItsInterval,
	"one write up":           TestX11_OneChangeOfAStatusIsOneWriteOnTheHub,
	"wish and answer":        TestX11_AWishAndItsAnswerAreReportedAtOnce,
	"one write down":         TestX11_AChangeOfAWishIsOneWriteOnTheSpoke,
	"restart":                TestX11_ARestartInSyncWritesOnlyTheLease,
	"annotation":             TestX11_AnAnnotationThatIsTakenBackIsTakenBackOnTheSpoke,
	"writers":                TestX1_TheMirrorWritesCopyReportAndDeliveryAndNothingElse,
	"changed back":           TestX1_WhatIsChangedOnTheSpokeIsChangedBack,
	"longest names":          TestX2_LongestNamesWork,
	"one name twice":         TestX2_OneNameInTwoNamespacesAreTwoCopies,
	"another name":           TestX2_AWishUnderAnotherNameIsRefused,
	"caught up":              TestX3_AnAnswerNeedsTheSpokeToHaveCaughtUp,
	"five hundred volumes":   TestX3_FiveHundredVolumesAreReported,
	"absence":                TestX4_AbsenceIsKnownOnceTheDigestMatches,
	"end by a wish":          TestX14_OnlyAWishThatIsDeletedMarksTheCopy,
	"deleted definition":     TestX6_AWishThatIsDeletedWithItsDefinitionDeletesNothing,
	"own wish":               TestX6_ACopyIsDeletedForItsOwnWishOnly,
	"deletion":               TestX6_X10_DeletionIsFollowedFromWishToReport,
	"ended wish":             TestX6_AWishThatEndedMakesNothingAgain,
	"later deletion":         TestX6_ADeletionWhileTheMirrorIsDownIsObeyedLater,
	"held up deletion":       TestX6_ADeletionThatWasHeldUpDoesNotHitAnotherCopy,
	"adoption":               TestX8_ForeignObjectsAreAdoptedByUIDOnly,
	"lower epoch":            TestX9_ALowerEpochIsRefused,
	"hub from a backup":      TestX9_AHubFromABackupIsRefusedWithinAnEpochToo,
	"what is":                TestX9_AHubFromABackupThatWishesWhatIsGetsItsAnswer,
	"missing namespace":      TestX12_AMissingNamespaceIsMadeOnceAndLeftAlone,
	"Secret and group":       TestASecretComesBackWithItsGroup,
	"namespace for a Secret": TestX12_AMissingNamespaceIsMadeForASecretToo,
	"Secret of others":       TestASecretThatIsNotOursCountsAsWithdrawn,
	"Secret in between":      TestX8_ASecretThatIsMadeBetweenLookAndWriteIsLeftAlone,
	"another cluster":        TestX13_AnotherClusterAppliesAndReportsNothing,
	"late stranger":          TestX13_AStrangerThatLearnsItLateWritesNoLease,
	"unrecorded cluster":     TestX13_AClusterThatIsNotRecordedYetSaysWhoItIs,
	"earlier cluster":        TestX13_AWishForAnEarlierClusterOfTheNameIsRefused,
	"unknown fields":         TestX7_FieldsThatTheMirrorDoesNotKnowPass,
	"skew of the spoke":      TestX7_AFieldThatTheSpokeDoesNotKnowIsTold,
	"skew of the hub":        TestX7_AFieldThatTheHubDoesNotKnowIsTold,
	"refused report":         TestX5_AReportThatTheHubRefusesDoesNotStopTheOthers,
	"silent spoke":           TestX5_NoRenewalWhileTheSpokeDoesNotAnswer,
	"renewal stays":          TestX5_TellingWhyTakesNoRenewalBack,
	"backup":                 TestX5_AServerThatWentBackInTimeIsListedAnew,
	"one broken spoke":       TestOneBrokenSpokeStallsOnlyItsOwnLink,
	"metrics":                TestMetricsTellWhatALinkDoes,
	"canary":                 TestX1_ASecretIsNowhereButInItsOutboxAndItsCopy,
	"delivery":               TestX11_DeliveryComesAfterTheFactsAndOnce,
	"many facts":             TestX11_DeliveriesLetManyFactsGoFirst,
}

// inPullModeOnly are tests that make no sense, or nothing new, with a mirror on the hub, and why.
var inPullModeOnly = map[string]string{
	"TestX11_AKillBetweenAnyTwoWritesChangesNothingInTheEnd":    "a killed mirror is replaced when its Lease ends: minutes for the same writes",
	"TestX11_AKillAtEachKindOfWriteChangesNothingInTheEnd":      "the same",
	"TestAFullInboxIsNoMissingRight":                            "of no link",
	"TestX6_AClusterRemembersABoundedNumberOfWishes":            "the same code",
	"TestX9_AWriteThatWasHeldUpCannotUndoALaterEpoch":           "two mirrors at once: here the election prevents them",
	"TestX9_ACreationThatWasHeldUpCannotUndoALaterEpoch":        "two mirrors at once",
	"TestX9_AnOutdatedViewOfTheWishUndoesNothing":               "two mirrors at once",
	"TestX6_AnOutdatedViewOfADeletedWishMakesNoNewCopy":         "two mirrors at once",
	"TestX9_OldReportsDoNotReplaceNewerOnes":                    "two mirrors at once",
	"TestX5_ABlackHoleIsNoticedAndSurvived":                     "the election shares the wire, and gives up in a black hole: package fleet tests that",
	"TestX5_NoRenewalAfterAnOutageBeforeEverythingIsListedAnew": "the election shares the wire, and gives up after a cut: package fleet tests that",
	"TestX5_ACutIsHealedSoon":                                   "the election shares the wire, and gives up after a cut: package fleet tests that",
	"TestX5_AHangingHubIsToldByTheMirrorItself":                 "a mirror that can't reach its home keeps no link",
	"TestCredentialsThatAreTakenAwayAreAClearState":             "of credentials for the hub; package fleet tests those in Secrets",
	"TestX1_AnAgentMayTouchItsOwnExchangeOnly":                  "of rights, not of a link",
	"TestMetricsAreRegisteredOnce":                              "of no link",
	"TestNothingIsCountedOfAClusterThatIsForgotten":             "of no link",
	"TestAStoppedLinkAsksNothingMore":                           "the same code",
	"TestInPushMode":                                            "itself",
	"TestInPushModeInTheGate":                                   "itself",
	"TestEachTestRunsInPushModeOrSaysWhyNot":                    "itself",
}

// pushedInTheGate are those of inPushMode that run in the gate. Each touches what differs in push mode: the rights for each
// kind of object on each side, which way each connection is made, and whose silence ends a link.
var pushedInTheGate = []string{
	"backup",                 // X5: both stores list again over connections that the fleet made
	"canary",                 // X1: the rights of a Secret's way, and no leak by what only a fleet has
	"config",                 // the rights to DRClusterConfigs
	"deletion",               // X6, X10: the rights to delete copies and reports
	"hub from a backup",      // X9
	"namespace for a Secret", // X12: the rights to make namespaces and Secrets
	"no renewal",             // X5: while a fact is not written
	"restart",                // X11: the election is handed over, and nothing is written again
	"silent spoke",           // X5: the spoke's connection is the one that the mirror does not live beside
	"writers",                // X1: what is written, and by whom
}

// TestInPushModeInTheGate runs those that touch what differs in push mode.
func TestInPushModeInTheGate(t *testing.T) {
	if testing.Short() {
		t.Skip("runs what has run in pull mode once more")
	}
	for _, name := range pushedInTheGate {
		require.Contains(t, inPushMode, name)
		t.Run(name, inPushMode[name])
	}
}

// TestInPushMode runs the others, which find what TestInPushModeInTheGate does not only if a link behaves otherwise for its
// rights, its connections or the election.
func TestInPushMode(t *testing.T) {
	testlayer.Slow(t, "TestInPushModeInTheGate")
	for _, name := range slices.Sorted(maps.Keys(inPushMode)) {
		if !slices.Contains(pushedInTheGate, name) {
			t.Run(name, inPushMode[name])
		}
	}
}

func TestEachTestRunsInPushModeOrSaysWhyNot(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	var missing, listed []string
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		if f.Name.Name != "link_test" {
			continue
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") && fn.Name.Name != "TestMain" {
				missing = append(missing, fn.Name.Name)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || spec.Names[0].Name != "inPushMode" {
				return true
			}
			for _, e := range spec.Values[0].(*ast.CompositeLit).Elts {
				listed = append(listed, e.(*ast.KeyValueExpr).Value.(*ast.Ident).Name)
			}
			return false
		})
	}
	assert.Len(t, listed, len(inPushMode))
	missing = slices.DeleteFunc(missing, func(name string) bool {
		return slices.Contains(listed, name) || inPullModeOnly[name] != ""
	})
	assert.Empty(t, missing, "say why these do not run in push mode, or let them")
}

// kept is a link that a mirror keeps, in whatever mode.
type kept interface {
	Live() error
	State() link.State
}

// pushed is a link that a mirror on the hub keeps.
type pushed struct {
	fleet   *fleet.Fleet
	cluster string
}

func (p pushed) State() link.State { return p.fleet.States()[p.cluster] }

func (p pushed) Live() error {
	if s := p.State(); s.Phase != link.Live {
		return fmt.Errorf("%w: %s", link.ErrNotLive, s)
	}
	return nil
}

// push starts a mirror on the hub, with the rights of config/mirror/push, for this one cluster.
func (w *world) push(hubWire, spokeWire *wire, clk clock.Clock) (kept, func()) {
	w.t.Helper()
	namespace := "push-" + w.cluster
	w.introduce(namespace)
	home := rest.AnonymousClientConfig(hubAdmin)
	home.BearerToken = w.request(hubAdmin, types.NamespacedName{Namespace: namespace, Name: "mirror-push"})
	f, err := fleet.New(fleet.Options{
		Mode: fleet.Push, Home: hubWire.connect(home), Namespace: namespace, Replica: fmt.Sprintf("r%d", worlds.Add(1)),
		Connect: func(kubeconfig []byte) (*rest.Config, error) {
			cfg, err := credential.Connect(kubeconfig)
			if err != nil {
				return nil, err
			}
			return spokeWire.connect(cfg), nil
		},
		Clock: clk, Timing: quick, Metrics: w.metrics,
	})
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(log.IntoContext(w.t.Context(), w.logger))
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	ended := false
	stop := func() {
		cancel()
		if !ended {
			assert.NoError(w.t, <-done)
		}
		ended = true
	}
	w.t.Cleanup(stop)
	return pushed{f, w.cluster}, stop
}

// introduce makes, once, what a mirror on the hub finds there: its own identity and namespace, the DRCluster and the
// Secret with the way to the spoke.
func (w *world) introduce(namespace string) {
	w.t.Helper()
	cluster := &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: w.cluster}, Spec: v1alpha1.DRClusterSpec{S3ProfileName: "s3"}}
	if err := w.hub.Create(w.t.Context(), cluster); apierrors.IsAlreadyExists(err) {
		return
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "mirror-push"}}
	w.create(w.hub, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	w.create(w.hub, account)
	subject := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: account.Name}
	for _, obj := range documents(w.t, "mirror/push/hub/role.yaml") {
		switch obj.GetKind() {
		case "Role":
			obj.SetNamespace(namespace)
			w.create(w.hub, obj)
			w.create(w.hub, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "mirror"},
				RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: obj.GetName()}, Subjects: []rbacv1.Subject{subject}})
		case "ClusterRole":
			require.NoError(w.t, client.IgnoreAlreadyExists(w.hub.Create(w.t.Context(), obj)))
			w.create(w.hub, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: namespace},
				RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: obj.GetName()}, Subjects: []rbacv1.Subject{subject}})
		}
	}
	w.create(w.hub, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: exchange.Inbox(w.cluster), Name: account.Name},
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "ramen-mirror-push-inbox"}, Subjects: []rbacv1.Subject{subject}})
	spoke := types.NamespacedName{Namespace: "ramen-system", Name: "mirror"}
	require.NoError(w.t, client.IgnoreAlreadyExists(w.spoke.Create(w.t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: spoke.Namespace, Name: spoke.Name}})))
	secret, err := credential.Secret(namespace, w.cluster, spokeAdmin, w.request(spokeAdmin, spoke))
	require.NoError(w.t, err)
	w.create(w.hub, secret)
}

func (w *world) request(at *rest.Config, account types.NamespacedName) string {
	w.t.Helper()
	request := &authenticationv1.TokenRequest{}
	got, err := kubernetes.NewForConfigOrDie(at).CoreV1().ServiceAccounts(account.Namespace).CreateToken(w.t.Context(), account.Name, request, metav1.CreateOptions{})
	require.NoError(w.t, err)
	return got.Status.Token
}
