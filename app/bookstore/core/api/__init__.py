"""What the domains' APIs share: routes, problem documents, bearer tokens, the OpenAPI document."""
