-- LM Studio on this machine; it asks for a token only where that is switched on.
-- Source: lmstudio.ai/docs/developer/openai-compat, /docs/typescript/authentication.
return {
  name = "lmstudio",
  protocol = "openai_chat",
  base_url = "http://localhost:1234",
  key_env = { "LM_API_TOKEN" },
  auth = "bearer",
  version = "v1",
}
