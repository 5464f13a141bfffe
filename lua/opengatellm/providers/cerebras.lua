-- Cerebras Inference.
-- Sources: inference-docs.cerebras.ai/resources/openai (address, variable); what it refuses with 400: ReqLLM.Providers.Cerebras.
return {
  name = "cerebras",
  protocol = "openai_chat",
  base_url = "https://api.cerebras.ai/v1",
  key_env = { "CEREBRAS_API_KEY" },
  auth = "bearer",
  version = "v1",
  no_refusal = true,
  drop = { "frequency_penalty", "presence_penalty", "logit_bias" },
}
