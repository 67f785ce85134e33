// SPDX-License-Identifier: Apache-2.0

package plan

// maxCourse bounds a course. It only keeps a mistake from spinning: the longest operation takes about thirty plans.
const maxCourse = 64

// Course is what an operation goes through if all goes well: each plan in its turn, while every cluster does what it is told
// and nobody interferes. It ends with the plan that is done, or with the first one that waits for what does not come about
// because of the operation: a link, a policy, the user. It predicts nothing about time.
func Course(f Facts) []Plan {
	var out []Plan
	for range maxCourse {
		p := Decide(f)
		out = append(out, p)
		for _, w := range p.Writes {
			if !f.carried(w) {
				return out
			}
		}
		if len(p.Writes) == 0 && !f.brought(p.Wait) {
			return out
		}
	}
	return out
}

// carried is f after a write; false: what comes of it is not foreseen.
func (f *Facts) carried(w Write) bool {
	switch w.Kind {
	case PutWish:
		c := f.At(w.Side)
		promoted := c.Wish.Epoch
		if w.Promote {
			promoted = max(f.At(First).Wish.Epoch, f.At(Second).Wish.Epoch) + 1
		}
		c.Wish = Wish{Role: w.Role, FinalSync: w.FinalSync, For: w.For, Epoch: promoted}
		c.Report.Answered, c.Report.Prepared, c.Report.Synced = false, false, false
		return true
	case Publish:
		f.Clusters[0].Decision, f.Clusters[1].Decision = w.Decisions[0], w.Decisions[1]
		return true
	case AdoptWish, MarkWish, RemoveWish, DropWish, Finish:
		return false
	}
	return false
}

// brought is f after what a plan waits for came about; false: the operation does not bring it about.
func (f *Facts) brought(w Wait) bool {
	if !w.On.Named() {
		return false
	}
	c := f.At(w.On)
	r := &c.Report
	switch w.Fact {
	case Answer: // only a cluster that can be heard is waited for in this way
		r.Answered, r.View = true, Present
		if r.State == IsPrimary && c.Wish.Role == Secondary || r.State == IsSecondary && c.Wish.Role == Primary {
			r.State, r.Ready, r.Level = Between, false, false
		}
	case BeingPrimary:
		r.State, r.Ready = IsPrimary, true
		r.Volumes = r.Volumes || f.At(w.On.Peer()).Report.Volumes
	case BeingSecondary:
		r.State, r.Level, r.Ready, r.InUse, r.HandsOver = IsSecondary, true, true, false, false
	case BeingProtected:
		r.Protected = true
	case BeingRestored:
		r.Restoring = false
	case BeingPlaced:
		r.Unplaced = false
	case BeingCopied:
		r.Uncopied = false
	case BeingPrepared:
		r.Prepared = true
	case BeingSynced:
		r.Synced = true
	case WorkloadGone:
		r.InUse = false
	case StorageReady:
		c.Unready = false
	case Nothing, LinkIsLive, InboxComplete, ObjectGone, PolicyValid, TargetNamed, ConflictSolved, ForeignRemoved, HomeNamed,
		PrimaryFound, VolumesLost, SpecConfirmed, HomeAgreed, ConflictFree, ProtectionEnded, LossAccepted:
		return false
	}
	return true
}
