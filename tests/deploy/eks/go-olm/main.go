// Validate an OLM bundle by the validators of the operator framework, and print what they find.
package main

import (
	"fmt"
	"os"

	"github.com/operator-framework/api/pkg/manifests"
	"github.com/operator-framework/api/pkg/validation"
)

func main() {
	bundle, err := manifests.GetBundleFromDir(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	found := 0
	for _, result := range validation.AllValidators.Validate(bundle.ObjectsToValidate()...) {
		for _, one := range append(result.Errors, result.Warnings...) {
			fmt.Println(result.Name, one.Error())
			found++
		}
	}
	if found > 0 {
		os.Exit(1)
	}
}
