package main

import "github.com/earshot-host/earshot/host/chaos/check"

// mutants are the faults that queues of this kind are known to have.
var mutants = []mutant{
	{
		name: "no fence at the record",
		edits: []edit{
			{"queue/record.go", "WHERE id IN ? AND token = ?`", "WHERE id IN ? AND ? <> ''`"},
			{"queue/record.go", "WHERE id = ? AND token = ?`", "WHERE id = ? AND ? <> ''`"},
		},
		// A host that hears nothing for longer than a lease writes late what
		// another has finished meanwhile.
		faults: []check.Kind{check.HalfOpen},
		breaks: []check.Rule{check.AfterEnd, check.Unflagged, check.Unexplained},
	},
	{
		name: "no lease",
		edits: []edit{
			{"queue/layout.go", "s.after(s.opt.Lease)", "s.after(0)"},
			{"queue/take.go", "s.after(s.opt.Lease)", "s.after(0)"},
		},
		faults: []check.Kind{check.HostTerm},
		breaks: []check.Rule{check.Overlap, check.Unexplained},
	},
	{
		name: "handler inside the transaction",
		edits: []edit{
			{"queue/claim.go", "err = s.write(ctx, func(tx *gorm.DB) error {", "err = s.inside(ctx, token, func(tx *gorm.DB) error {"},
			{"queue/claim.go", "	if leased {\n", "	if !leased {\n\t\ts.commit(token)\n\t}\n	if leased {\n"},
			{"queue/claim.go", "query(s.db.WithContext(ctx), func(rows *sql.Rows) error {\n\t\td := event.Delivery{Token: token}", "query(s.held(token), func(rows *sql.Rows) error {\n\t\td := event.Delivery{Token: token}"},
			{"queue/claim.go", "AND token = ?`, ids, token)\n", "AND token = ?`, ids, token)\n\ts.expect(token, len(out))\n"},
			{"queue/record.go", "err = s.write(ctx, func(tx *gorm.DB) error {", "err = s.recordInside(ctx, group, func(tx *gorm.DB, group []event.Settled) error {"},
			{"queue/renew.go", "	err = s.write(ctx, func", "	if true {\n\t\treturn nil, nil\n\t}\n	err = s.write(ctx, func"},
		},
		added:  map[string]string{"queue/mutant.go": insideTransaction},
		faults: []check.Kind{check.HostKill},
		breaks: []check.Rule{check.Unflagged},
	},
	{
		name:   "a repeat is not marked",
		edits:  []edit{{"queue/take.go", "ELSE TRUE END", "ELSE redelivered END"}},
		faults: []check.Kind{check.HostKill},
		breaks: []check.Rule{check.Unflagged},
	},
	{
		name:   "keys are out of order",
		edits:  []edit{{"queue/order.go", "`SELECT d.id, `+mustWait+` FROM", "`SELECT d.id, FALSE FROM"}},
		faults: []check.Kind{check.HostKill},
		breaks: []check.Rule{check.Order},
	},
	{
		name:   "receipts are forgotten",
		edits:  []edit{{"queue/record.go", "slices.Concat(before, added)", "slices.Concat(before, added)[:0]"}},
		faults: []check.Kind{check.HostTerm},
		breaks: []check.Rule{check.Receipts},
	},
	{
		name:   "nobody rolls up",
		edits:  []edit{{"queue/rollup.go", "case t.open == 0 && t.dead == 0:", "case t.open == 0 && t.dead == 0 && t.attempts < 2:"}},
		faults: []check.Kind{check.HostTerm},
		breaks: []check.Rule{check.RollUp},
	},
	{
		name:   "success before the call",
		edits:  []edit{{"dispatch/attempt.go", "	if len(mine) == 1 {\n", "	if len(mine) == 1 && mine[0].ID%100 == 0 {\n\t\toutcomes = []event.Outcome{{Code: event.Delivered}}\n\t} else if len(mine) == 1 {\n"}},
		faults: []check.Kind{check.HostTerm},
		breaks: []check.Rule{check.Lost},
	},
}
