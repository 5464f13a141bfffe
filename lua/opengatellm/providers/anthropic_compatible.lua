-- Any server that speaks the Messages API: the address is the user's to give.
return {
  name = "anthropic_compatible",
  protocol = "anthropic",
  auth = "x-api-key",
  headers = { ["anthropic-version"] = "2023-06-01" },
  version = "v1",
}
