// Package dns stands for lego's, of which Traefik asks a provider of DNS by its name.
//
// Lego's brings the clients of more than a hundred clouds, nearly half of the packages that
// Traefik is compiled from. No test has Traefik ask for certificates by DNS.
package dns

import (
	"fmt"

	"github.com/go-acme/lego/v4/challenge"
)

// NewDNSChallengeProviderByName knows no provider.
func NewDNSChallengeProviderByName(name string) (challenge.Provider, error) {
	return nil, fmt.Errorf("this Traefik was built without the DNS provider %s", name)
}
