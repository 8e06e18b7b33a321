// Command argocd says what Argo CD makes of objects: it reads a JSON list of them from standard
// input, judges each by the health check of the ConfigMap in the file that its argument names, and
// prints a JSON list of health statuses. Argo CD's own library runs the Lua.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const prefix = "resource.customizations.health."

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
	var settings struct {
		Data map[string]string `json:"data"`
	}
	if err := yaml.Unmarshal(text, &settings); err != nil {
		return err
	}
	overrides := lua.ResourceHealthOverrides{}
	for key, script := range settings.Data {
		if kind, ok := strings.CutPrefix(key, prefix); ok {
			group, name, _ := strings.Cut(kind, "_")
			overrides[group+"/"+name] = v1alpha1.ResourceOverride{HealthLua: script}
		}
	}
	var objects []unstructured.Unstructured
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		return err
	}
	told := make([]*health.HealthStatus, len(objects))
	for i := range objects {
		if told[i], err = overrides.GetResourceHealth(&objects[i]); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(told)
}
