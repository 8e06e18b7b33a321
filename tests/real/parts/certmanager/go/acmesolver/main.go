// Command acmesolver answers one challenge of ACME by HTTP, as cert-manager's pods for it ask.
package main

import (
	"flag"
	"log"

	"github.com/cert-manager/cert-manager/pkg/issuer/acme/http/solver"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
)

func main() {
	server := &solver.HTTP01Solver{}
	flag.IntVar(&server.ListenPort, "listen-port", 8089, "port to answer at")
	flag.StringVar(&server.Domain, "domain", "", "domain to answer for")
	flag.StringVar(&server.Token, "token", "", "token that is asked for")
	flag.StringVar(&server.Key, "key", "", "answer")
	flag.Parse()
	log.Fatal(server.Listen(logf.Log))
}
