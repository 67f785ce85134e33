// SPDX-License-Identifier: Apache-2.0

package plan

// Answer is what the stores of a group that are asked say of it, all together.
type Answer uint8

// Answers of stores.
const (
	AnswerUnknown Answer = iota // a store that may have something does not answer, and no other has anything
	AnswerNothing               // all answered that they have nothing
	AnswerFound                 // one has something, whatever became of the others
	AnswerRefused               // all answered, and what they have is not believed
)

// Stores is what is known of the stores of a group that begins a term as primary.
type Stores struct {
	Asked     bool // there is a store that is asked: one that nobody gave up
	GivenUp   bool // the user gave one up
	Answer    Answer
	Overtaken bool // what was found is of a later term than this group's
	// Stored says that the group was stored before, as the hub knows: then nothing is never an answer.
	Stored bool
	// GoesOn says that the group was primary here until now, and has its claims: it misses nothing that the stores lack.
	GoesOn bool
}

// Gate is what stands between a primary and its claims, as far as stores tell.
type Gate uint8

// Gates.
const (
	GateCompare     Gate = iota // what was found is compared with what is here
	GateOpen                    // nothing has to be restored
	GateNoStore                 // the group has no store, and nothing to restore
	GateUnread                  // it is not known whether there is something
	GateOvertaken               // the group was promoted elsewhere since
	GateEmptied                 // it was stored, and is not any more
	GateForlorn                 // it was stored, and the user gave all stores up
	GateNotBelieved             // what is stored is not believed
)

// Gate is what the stores say before what they have is compared.
func (s Stores) Gate() Gate {
	switch {
	case !s.Asked && s.GivenUp && s.Stored && !s.GoesOn:
		return GateForlorn
	case !s.Asked:
		return GateNoStore
	}
	switch s.Answer {
	case AnswerUnknown:
		return GateUnread
	case AnswerNothing:
		if s.Stored && !s.GoesOn {
			return GateEmptied
		}
		return GateOpen
	case AnswerRefused:
		if s.GoesOn {
			return GateOpen // what is stored is written over
		}
		return GateNotBelieved
	case AnswerFound:
	}
	if s.Overtaken {
		return GateOvertaken
	}
	return GateCompare
}

// Restore is what a gate means for the restore, unless there is something to compare.
func (g Gate) Restore() Restore {
	switch g {
	case GateOpen, GateNoStore:
		return RestoreComplete
	case GateEmptied, GateForlorn, GateNotBelieved:
		return RestoreConflict
	case GateCompare, GateUnread, GateOvertaken:
	}
	return RestoreUnknown
}
