// Command jq deletes paths from a document as Argo CD does: with gojq, one expression an argument.
//
// Source: Argo CD, util/argo/normalizers/diff_normalizer.go, which runs del(EXPRESSION).
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/itchyny/gojq"
)

func main() {
	var document any
	if err := json.NewDecoder(os.Stdin).Decode(&document); err != nil {
		fail(err)
	}
	for _, expression := range os.Args[1:] {
		query, err := gojq.Parse("del(" + expression + ")")
		if err != nil {
			fail(err)
		}
		// As Argo CD: an expression that fails on this document leaves it as it is.
		if next, ok := query.Run(document).Next(); ok {
			if _, failed := next.(error); !failed {
				document = next
			}
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(document); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
