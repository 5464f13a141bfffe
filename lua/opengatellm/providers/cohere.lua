-- Cohere, by its compatibility route.
-- Source: docs.cohere.com/docs/compatibility-api (address, list of unsupported parameters).
return {
  name = "cohere",
  protocol = "openai_chat",
  base_url = "https://api.cohere.ai/compatibility/v1",
  key_env = { "COHERE_API_KEY", "CO_API_KEY" },
  auth = "bearer",
  version = "v1",
  dialects = { -- these stand beside the route, in Cohere's own form
    embeddings = { "cohere", address = "https://api.cohere.com" }, rerank = { "cohere", address = "https://api.cohere.com" },
  },
  drop = { "store", "metadata", "logit_bias", "top_logprobs", "n", "service_tier", "parallel_tool_calls" },
}
