-- DeepSeek. Its thinking mode, which is on by default, refuses tool calls that come back without their reasoning.
-- Sources: api-docs.deepseek.com (address) and /guides/thinking_mode (tool calls).
return {
  name = "deepseek",
  protocol = "openai_chat",
  base_url = "https://api.deepseek.com",
  key_env = { "DEEPSEEK_API_KEY" },
  auth = "bearer",
  echo_reasoning = "reasoning_content",
}
