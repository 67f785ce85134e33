// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// settled is an application that runs on the first cluster and is protected on the second one.
func settled() plan.Facts {
	return plan.Facts{Usable: true, Target: plan.First, Clusters: [2]plan.Cluster{
		{Live: true, Decision: plan.RunHere, Wish: plan.Wish{Role: plan.Primary, Epoch: 2},
			Report: plan.Report{View: plan.Present, Answered: true, State: plan.IsPrimary, Ready: true, Level: true, Protected: true, Volumes: true, InUse: true}},
		{Live: true, Decision: plan.Gone, Wish: plan.Wish{Role: plan.Secondary, Epoch: 1, Serves: true},
			Report: plan.Report{View: plan.Present, Answered: true, State: plan.IsSecondary, Ready: true, Level: true}},
	}}
}

// waits are what a course waits for, in order.
func waits(course []plan.Plan) (out []plan.Wait) {
	for _, p := range course {
		if p.Wait.Fact != plan.Nothing {
			out = append(out, p.Wait)
		}
	}
	return out
}

func TestTheCourseOfARelocate(t *testing.T) {
	f := settled()
	f.Ask, f.Target = plan.Relocate, plan.Second
	course := plan.Course(f)
	assert.True(t, course[len(course)-1].Done())
	assert.Equal(t, plan.Relocated, course[len(course)-1].Phase)
	is := func(fact plan.Fact, on plan.Side) plan.Wait { return plan.Wait{Fact: fact, On: on} }
	assert.Equal(t, []plan.Wait{
		is(plan.Answer, plan.Second), is(plan.Answer, plan.First), is(plan.BeingPrepared, plan.First), is(plan.Answer, plan.First),
		is(plan.WorkloadGone, plan.First), is(plan.BeingSynced, plan.First), is(plan.Answer, plan.First), is(plan.BeingSecondary, plan.First),
		is(plan.Answer, plan.Second), is(plan.BeingPrimary, plan.Second),
	}, waits(course))
}

func TestTheCourseOfAFailover(t *testing.T) {
	f := settled()
	f.Ask, f.Target = plan.Failover, plan.Second
	course := plan.Course(f)
	assert.True(t, course[len(course)-1].Done(), "the cluster that was failed over from follows, as it can be heard")
	assert.Equal(t, plan.FailedOver, course[len(course)-1].Phase)

	f.At(plan.First).Live = false
	course = plan.Course(f)
	last := course[len(course)-1]
	assert.Equal(t, plan.FailedOver, last.Phase, "a failover depends only on the survivor (I8)")
	assert.Equal(t, plan.Wait{Fact: plan.LinkIsLive, On: plan.First}, last.Wait)

	f.At(plan.Second).Live = false
	course = plan.Course(f)
	assert.Equal(t, []plan.Wait{{Fact: plan.LinkIsLive, On: plan.Second}}, waits(course))
	assert.Equal(t, plan.Initiating, course[0].Phase)
}

// TestTheCourseOfAFailoverFromAClusterWithoutAReport: what the survivor has restored is there, though nothing tells what the failed one had.
func TestTheCourseOfAFailoverFromAClusterWithoutAReport(t *testing.T) {
	f := settled()
	f.Ask, f.Target = plan.Failover, plan.Second
	f.At(plan.First).Live, f.At(plan.First).Report = false, plan.Report{}
	f.At(plan.Second).Report.Volumes = true
	course := plan.Course(f)
	assert.Equal(t, plan.Wait{Fact: plan.LinkIsLive, On: plan.First}, course[len(course)-1].Wait)
	assert.Equal(t, plan.FailedOver, course[len(course)-1].Phase)
	f.At(plan.Second).Report.Volumes = false
	course = plan.Course(f)
	assert.Equal(t, plan.Wait{Fact: plan.LossAccepted, On: plan.Second}, course[len(course)-1].Wait)
}

func TestACourseEndsWhereOnlyTheUserCanHelp(t *testing.T) {
	f := settled()
	f.Ask, f.Target = plan.Relocate, plan.Elsewhere
	assert.Equal(t, []plan.Wait{{Fact: plan.TargetNamed}}, waits(plan.Course(f)))
	f = settled()
	f.Deleting = true
	course := plan.Course(f)
	assert.Equal(t, plan.RemoveWish, course[len(course)-1].Writes[0].Kind, "what becomes of an end is not foreseen")
}

// TestEachCourseEnds from whatever is so at its beginning.
func TestEachCourseEnds(t *testing.T) {
	for _, ask := range []plan.Ask{plan.Stay, plan.Failover, plan.Relocate} {
		for _, target := range []plan.Side{plan.Nowhere, plan.First, plan.Second} {
			for _, roles := range [][2]plan.Role{{plan.Primary, plan.Secondary}, {plan.Secondary, plan.Primary}, {plan.Secondary, plan.Secondary}, {plan.Primary, plan.Primary}, {plan.NoRole, plan.NoRole}} {
				for _, answered := range []bool{true, false} {
					f := settled()
					f.Ask, f.Target = ask, target
					for i, s := range []plan.Side{plan.First, plan.Second} {
						f.At(s).Wish.Role, f.At(s).Report.Answered = roles[i], answered
						if roles[i] == plan.NoRole {
							f.At(s).Wish, f.At(s).Report, f.At(s).Decision = plan.Wish{}, plan.Report{View: plan.Absent}, plan.Untold
						}
					}
					course := plan.Course(f)
					assert.Less(t, len(course), 64, "%+v: %+v", f, course[len(course)-1])
				}
			}
		}
	}
}
