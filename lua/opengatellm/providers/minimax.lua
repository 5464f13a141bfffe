-- MiniMax; in China the address is https://api.minimaxi.com/v1.
-- Sources: platform.minimaxi.com/docs/api-reference/text-openai-api and developersdigest.tech/reference/api-compatibility/minimax
-- (addresses); java.agentscope.io/v2/en/integration/model/minimax (variable, name of max_tokens, what is not supported).
return {
  name = "minimax",
  protocol = "openai_chat",
  base_url = "https://api.minimax.io/v1",
  key_env = { "MINIMAX_API_KEY" },
  auth = "bearer",
  version = "v1",
  max_tokens = "max_completion_tokens",
  drop = { "frequency_penalty", "presence_penalty", "seed", "parallel_tool_calls" },
}
