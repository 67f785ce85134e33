// SPDX-License-Identifier: Apache-2.0

package plan

// What the tests outside of this package need of it.

func (s Side) Index() int              { return s.index() }
func (d Decision) Placed() bool        { return d.placed() }
func (f *Facts) Lone(s Side) bool      { return f.lone(s) }
func (f *Facts) Wishes(r Role) int     { return f.wishes(r) }
func (c *Cluster) Known() bool         { return c.known() }
func (c *Cluster) Unclear() Fact       { return c.unclear() }
func (c *Cluster) Unwished() bool      { return c.unwished() }
func (c *Cluster) Short(of State) Fact { return c.short(of) }

var (
	Do            = do
	FollowReports = followReports
	Promote       = promote
	NewPublish    = publish
	Survivor      = survivor
	Usurps        = usurps
	NewWait       = wait
)
