-- vLLM on this machine.
-- Sources: docs.redhat.com, "vLLM server usage" (http://localhost:8000/v1); the variable: mozilla-ai/any-llm providers/vllm.
return {
  name = "vllm",
  protocol = "openai_chat",
  base_url = "http://localhost:8000",
  key_env = { "VLLM_API_KEY" },
  auth = "bearer",
  version = "v1",
}
