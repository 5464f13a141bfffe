-- A proxy of LiteLLM on this machine.
-- Sources: BerriAI/litellm litellm/litellm_core_utils/get_llm_provider_logic.py (variables); promptfoo.dev/docs/providers/litellm (port).
return {
  name = "litellm",
  protocol = "openai_chat",
  base_url = "http://localhost:4000",
  url_env = { "LITELLM_PROXY_API_BASE" },
  key_env = { "LITELLM_PROXY_API_KEY" },
  auth = "bearer",
  version = "v1",
  signs_calls = true,
}
