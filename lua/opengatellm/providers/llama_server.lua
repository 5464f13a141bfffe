-- llama-server of llama.cpp on this machine.
-- Source: github.com/ggml-org/llama.cpp tools/server/README.md (port 8080; --api-key is LLAMA_API_KEY).
return {
  name = "llama_server",
  protocol = "openai_chat",
  base_url = "http://localhost:8080",
  key_env = { "LLAMA_API_KEY" },
  auth = "bearer",
  version = "v1",
  dialects = { count_tokens = "llama_server" },
}
