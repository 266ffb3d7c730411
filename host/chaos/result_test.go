package main

import (
	"strings"
	"testing"
)

func TestTableSumsUpRunsThatWereStartedAlike(t *testing.T) {
	results := `{"Nodes":1,"Asked":["host-kill"],"Faults":{"host-kill":3},"Report":{"Events":10,"Duplicates":2,"Broken":{}}}
{"Nodes":1,"Asked":["host-kill"],"Faults":{"host-kill":4},"Report":{"Events":20,"Duplicates":1,"Broken":{"nothing is lost":5,"every event is final":6,"deliveries with one key go in order":7}}}
{"Nodes":3,"Asked":["node-kill","cut"],"Faults":{"node-kill":1,"cut":2},"Report":{"Events":30,"Broken":{"a duplicate needs a fault that explains it":8}}}
`
	var out strings.Builder
	if err := table(strings.NewReader(results), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| `make chaos CHAOS=\"-faults host-kill\"` | 2 | 30 | 7 host-kill | 5 | 3 | 0 | 6 | 7 |\n",
		"| `make cluster CHAOS=\"-faults node-kill,cut\"` | 1 | 30 | 1 node-kill, 2 cut | 0 | 0 | 8 | 0 | 0 |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &out)
		}
	}
}
