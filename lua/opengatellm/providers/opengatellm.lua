-- OpenGateLLM, the French State's gateway (its public instance is called Albert).
return {
  name = "opengatellm",
  protocol = "openai_chat",
  url_env = { "OGL_URL" },
  key_env = { "OGL_TOKEN", "OGL_API_KEY" },
  auth = "bearer",
  version = "v1",
  operations = true,
  catalogue = "opengatellm.operations.error_codes",
  search_tool = true,
  needs_reason = true, -- [DONE] is the gateway's own, and comes whenever the upstream ends
  batch = { inputs = 64, tokens = 32768 }, -- what Albert's embeddings take; tokens are an estimate
}
