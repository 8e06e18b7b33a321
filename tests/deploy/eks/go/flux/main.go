// Command flux says what Flux makes of objects: it reads a JSON list of them from standard input,
// judges each by the health checks of the Kustomization in the file that its argument names, and
// prints a JSON list of their statuses. Flux's own library evaluates the expressions.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

type kustomization struct {
	Spec struct {
		HealthCheckExprs []kustomize.CustomHealthCheck `json:"healthCheckExprs"`
	} `json:"spec"`
}

func main() {
	if err := judge(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func judge(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var wanted kustomization
	if err := yaml.Unmarshal(text, &wanted); err != nil {
		return err
	}
	var objects []unstructured.Unstructured
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		return err
	}
	told := make([]string, len(objects))
	for i, object := range objects {
		if told[i], err = status(wanted.Spec.HealthCheckExprs, &object); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(told)
}

// status is Unknown where an expression cannot be evaluated, as in Flux, which then goes on waiting.
func status(checks []kustomize.CustomHealthCheck, object *unstructured.Unstructured) (string, error) {
	for _, check := range checks {
		if check.APIVersion != object.GetAPIVersion() || check.Kind != object.GetKind() {
			continue
		}
		evaluator, err := cel.NewStatusEvaluator(&check.HealthCheckExpressions)
		if err != nil {
			return "", err
		}
		result, err := evaluator.Evaluate(context.Background(), object)
		if err != nil {
			return "Unknown", nil
		}
		return result.Status.String(), nil
	}
	return "", fmt.Errorf("no health check is for %s %s", object.GetAPIVersion(), object.GetKind())
}
