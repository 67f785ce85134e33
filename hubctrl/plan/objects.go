// SPDX-License-Identifier: Apache-2.0

package plan

// objects lets a plan for home h say that the Kubernetes objects of the application are being restored there. It holds no write back
// and moves no role: the volumes are promoted, and the peer is brought in line, whatever becomes of objects.
func objects(f *Facts, h Side, p Plan) Plan {
	at := f.At(h)
	serves := at.Decision == RunHere && at.short(IsPrimary) == Nothing
	if len(p.Writes) > 0 || !serves || !at.Report.Restoring {
		return p
	}
	p.Progression, p.Wait = WaitingForRestore, Wait{BeingRestored, h}
	return p
}
