-- A model in this process, by libllama: no server, no HTTP. The address is never resolved.
-- Source: transport/llama.lua answers as a Chat Completions server would.
return {
  name = "llama",
  protocol = "openai_chat",
  base_url = "http://in-this-process",
  auth = "none",
  version = "v1",
  transport = "llama",
  settings = {
    context = { type = "integer" },
    slots = { type = "integer" },
    threads = { type = "integer" },
    gpu_layers = { type = "integer" },
    pooling = { values = { "mean", "cls", "last" } },
    template = { type = "function" },
  },
  dialects = { count_tokens = "input_tokens" },
}
