-- mistral.rs on this machine; it asks for no key (one goes to a proxy before it).
-- Source: ericlbuehler.github.io/mistral.rs: /guides/serve/http-server (port), /reference/openai-compatibility (fields).
return {
  name = "mistralrs",
  protocol = "openai_chat",
  base_url = "http://localhost:1234",
  auth = "bearer",
  version = "v1",
  drop = { "seed", "user", "metadata", "service_tier", "parallel_tool_calls", "store" }, -- it ignores them
  tool_choice = { required = false },
}
